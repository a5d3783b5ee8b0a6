"""Search for the first bad release or commit by bisection.

As ``git bisect``: the first candidate is taken for good and the last for bad, which the first comparison has to confirm; every
further one halves what is left; a candidate that fails or is inconclusive is passed over for its nearest neighbour.

*Bad* means a cost, against the first candidate, nearer to that of the last than to that of the first, on the scale of logarithms:
beyond half of the whole change. A smaller step on the way, a slow drift or a partial recovery therefore do not mislead the search,
which names the candidate with the larger part of the change. The whole interval must lie on one side of the half; otherwise the
candidate is inconclusive. If good candidates follow bad ones in between (slower, repaired, slower again), the one named is bad and
the one before it good, but it need not be the earliest such.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal

CandidateStatus = Literal["good", "bad", "inconclusive", "failed"]


@dataclass(frozen=True, slots=True)
class ComparisonRequest:
    """The next comparison: this candidate, paired with the first one."""

    anchor: str
    candidate: str


@dataclass(frozen=True, slots=True)
class CandidateResult:
    """The comparison of a candidate with the first one. ``ratio`` is candidate / first with its interval.

    ``failure`` is the reason, in one line, why there is no ratio.
    """

    candidate: str
    ratio: float = math.nan
    low: float = 0.0
    high: float = math.inf
    failure: str = ""


@dataclass(frozen=True, slots=True)
class BisectStep:
    """A comparison and what it means for the search."""

    result: CandidateResult
    status: CandidateStatus


class BisectEnd(str, Enum):
    """How a search ends."""

    FOUND = "found"
    AMBIGUOUS = "ambiguous"
    NO_REGRESSION = "no regression"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class BisectResult:
    """The end of a search, with all its comparisons in order.

    ``last_good`` and ``suspects``: one of the suspects is the first bad one. FOUND has exactly one; AMBIGUOUS has several, of which
    all but the last failed or were inconclusive. Otherwise there are none: the last candidate is not slower than the first
    (NO_REGRESSION; also if it is inconclusive), or could not be compared at all (NOT_MEASURED).
    ``step`` is the ratio of the last suspect to the last good one, through the first candidate.
    """

    end: BisectEnd
    last_good: str
    suspects: tuple[str, ...]
    step: float
    steps: tuple[BisectStep, ...]


class Bisection:
    """A search in progress: ``request`` is the next comparison, ``record`` takes its result, until there is an ``outcome``."""

    def __init__(self, candidates: Sequence[str], smallest: float) -> None:
        """:param candidates: oldest first, at least two, each once.
        :param smallest: the log ratio up to which the last one does not count as slower.
        """
        if len(candidates) < 2 or len(set(candidates)) < len(candidates):
            raise ValueError("a search takes two candidates or more, each once")
        self._candidates = tuple(candidates)
        self._smallest = smallest
        self._steps: dict[int, BisectStep] = {}
        self._good, self._bad = 0, len(candidates) - 1
        self._whole: float | None = None
        """The log ratio of the last candidate to the first, as soon as it is known."""

    @property
    def request(self) -> ComparisonRequest | None:
        """The comparison to make next; None when the search has ended."""
        number = self._next()
        return None if number is None else ComparisonRequest(self._candidates[0], self._candidates[number])

    def _next(self) -> int | None:
        last = len(self._candidates) - 1
        if last not in self._steps:
            return last
        if self._whole is None:
            return None
        middle = (self._good + self._bad) / 2
        untried = [number for number in range(self._good + 1, self._bad) if number not in self._steps]
        return min(untried, key=lambda number: (abs(number - middle), number), default=None)

    def record(self, result: CandidateResult) -> CandidateStatus:
        """Take in the result of the requested comparison; returns its meaning. Raises ValueError for any other candidate."""
        number = self._next()
        if number is None or result.candidate != self._candidates[number]:
            raise ValueError(f"{result.candidate} was not requested")
        status = self._classify(result)
        self._steps[number] = BisectStep(result, status)
        if number == len(self._candidates) - 1:
            self._whole = math.log(result.ratio) if status == "bad" else None
        elif status == "good":
            self._good = number
        elif status == "bad":
            self._bad = number
        return status

    def _classify(self, result: CandidateResult) -> CandidateStatus:
        if result.failure:
            return "failed"
        half = self._smallest if self._whole is None else self._whole / 2
        low, high = (math.log(end) if end > 0 else -math.inf for end in (result.low, result.high))
        if low > half:
            return "bad"
        return "good" if high < half else "inconclusive"

    @property
    def outcome(self) -> BisectResult | None:
        """The end of the search; None while there is something to compare."""
        if self._next() is not None:
            return None
        steps = tuple(self._steps.values())
        if self._whole is None:
            end = BisectEnd.NOT_MEASURED if steps[0].status == "failed" else BisectEnd.NO_REGRESSION
            return BisectResult(end, "", (), math.nan, steps)
        suspects = self._candidates[self._good + 1 : self._bad + 1]
        good = self._steps[self._good].result.ratio if self._good else 1.0
        step = self._steps[self._bad].result.ratio / good
        end = BisectEnd.FOUND if len(suspects) == 1 else BisectEnd.AMBIGUOUS
        return BisectResult(end, self._candidates[self._good], suspects, step, steps)
