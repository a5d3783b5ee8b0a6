"""What a search asks for, is answered, and concludes."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

Combination = tuple[int, ...]
"""The numbers of the candidates that are used together, ascending; empty: the user's own set-up."""

Step = Literal["screen", "verify", "combine", "confirm"]

ScreeningOutcome = Literal["kept", "no gain", "no time", "failed", "not timed"]

JoiningOutcome = Literal["first", "added", "no gain", "excluded", "no time", "failed"]


@dataclass(frozen=True, slots=True)
class SearchCandidate:
    """What the search has to know of a candidate: whether it is timed, and whether it may be advised then.

    ``excludes``: the numbers of those that it cannot be combined with. ``hint``: seconds of a pass that was not measured well, by
    which those that promise most are measured first; infinite where there is none.
    """

    timed: bool = True
    combinable: bool = True
    excludes: frozenset[int] = frozenset()
    hint: float = math.inf


@dataclass(frozen=True, slots=True)
class PairRequest:
    """A request for pairs of two combinations; ``first`` is the number of the first of them, from 0 for each two and step.

    ``verify`` asks for no pairs: whether ``after`` gives the same output on every market.
    """

    step: Step
    before: Combination
    after: Combination
    first: int
    pairs: int

    @property
    def key(self) -> str:
        """``screen [] [4] 0 3``: unique within a search."""
        return f"{self.step} {list(self.before)} {list(self.after)} {self.first} {self.pairs}"


@dataclass(frozen=True, slots=True)
class PairAnswer:
    """The gains of the requested pairs, ln(before / after), and the wall-clock seconds that they took.

    ``failure``: why there are none, or why the output is another one. Fewer gains than requested: some pairs failed.
    """

    gains: tuple[float, ...] = ()
    seconds: float = 0.0
    failure: str = ""


@dataclass(frozen=True, slots=True)
class ScreenedCandidate:
    """The pairs of a candidate alone with the user's set-up; ``reason`` only of one that failed."""

    gains: tuple[float, ...]
    outcome: ScreeningOutcome
    reason: str = ""


@dataclass(frozen=True, slots=True)
class JoiningStep:
    """How a promising candidate joined the combination or did not; ``gains`` are those of the combination with it over without."""

    candidate: int
    outcome: JoiningOutcome
    gains: tuple[float, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """How a search ended: ``gains`` and ``failure`` are those of the confirmation; advice only if ``confirmed``.

    Of two steps of a candidate the last counts: the first candidate may be taken out again.
    """

    screened: tuple[ScreenedCandidate, ...] = ()
    steps: tuple[JoiningStep, ...] = ()
    combination: Combination = ()
    gains: tuple[float, ...] = ()
    confirmed: bool = False
    failure: str = ""


Search = Generator[PairRequest, PairAnswer, None]
"""Yields requests and is sent their answers."""
