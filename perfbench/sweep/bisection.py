"""Which is the first bad one? A search by halves through releases or commits, told what every comparison said. Pure.

As ``git bisect``: the first candidate is taken for good and the last for bad, which the first comparison has to show; every further
one halves what is left; a candidate that cannot be measured or told is passed over for its nearest neighbour.

*Bad* is a matter of size, not of any difference: a candidate is bad if its cost against the first one is nearer to that of the last
than to that of the first, on the scale of logarithms: beyond half of the whole change. A smaller step on the way, a slow drift or a
partial recovery so do not mislead the search, and what it names is where the larger part of the change came in. The whole interval
of the candidate must lie on one side of the half; otherwise the candidate counts as not told. If good candidates follow bad ones in
between (slower, repaired, slower again), the one named is bad and the one before it good, but it need not be the earliest such.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal

CandidateStatus = Literal["good", "bad", "not told", "failed"]


@dataclass(frozen=True, slots=True)
class ComparisonRequest:
    """The next comparison: this candidate, paired with the first one."""

    anchor: str
    candidate: str


@dataclass(frozen=True, slots=True)
class CandidateResult:
    """What the comparison of a candidate with the first one said. ``ratio`` is candidate / first with its interval.

    ``failure`` is why there is no ratio, in one line; the numbers mean nothing then.
    """

    candidate: str
    ratio: float = math.nan
    low: float = 0.0
    high: float = math.inf
    failure: str = ""


@dataclass(frozen=True, slots=True)
class BisectStep:
    """An answer and what it means for the search."""

    answer: CandidateResult
    sense: CandidateStatus


class BisectEnd(str, Enum):
    """How a search ends."""

    FOUND = "found"
    AMBIGUOUS = "ambiguous"
    NO_REGRESSION = "no regression"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class BisectResult:
    """The end of a search, with everything that was compared on the way, in order.

    ``last_good`` and ``suspects``: one of the suspects is the first bad one. FOUND has exactly one; AMBIGUOUS has several, of which
    all but the last could not be measured or told. Otherwise there are none: the last candidate is not slower than the first
    (NO_REGRESSION; also if its interval does not tell), or could not be compared at all (NOT_MEASURED).
    ``step`` is the ratio of the last suspect to the last good one, by way of the first candidate.
    """

    end: BisectEnd
    last_good: str
    suspects: tuple[str, ...]
    step: float
    judged: tuple[BisectStep, ...]


class Bisection:
    """A search in progress: ``asked`` says what to compare next, ``answer`` takes what came of it, till there is an ``outcome``."""

    def __init__(self, candidates: Sequence[str], smallest: float) -> None:
        """:param candidates: oldest first, at least two, each once.
        :param smallest: the log ratio up to which the last one does not count as slower.
        """
        if len(candidates) < 2 or len(set(candidates)) < len(candidates):
            raise ValueError("a search takes two candidates or more, each once")
        self._candidates = tuple(candidates)
        self._smallest = smallest
        self._judged: dict[int, BisectStep] = {}
        self._good, self._bad = 0, len(candidates) - 1
        self._whole: float | None = None
        """The log ratio of the last candidate to the first, as soon as it is known."""

    @property
    def comparisons_at_most(self) -> int:
        """How many comparisons it takes if every candidate can be measured and told: 1 + ⌈log₂(n − 1)⌉."""
        return 1 + math.ceil(math.log2(len(self._candidates) - 1))

    @property
    def asked(self) -> ComparisonRequest | None:
        """The comparison to make next; None when the search has ended."""
        number = self._next()
        return None if number is None else ComparisonRequest(self._candidates[0], self._candidates[number])

    def _next(self) -> int | None:
        last = len(self._candidates) - 1
        if last not in self._judged:
            return last
        if self._whole is None:
            return None
        middle = (self._good + self._bad) / 2
        untried = [number for number in range(self._good + 1, self._bad) if number not in self._judged]
        return min(untried, key=lambda number: (abs(number - middle), number), default=None)

    def answer(self, answer: CandidateResult) -> CandidateStatus:
        """Take in what the comparison that was asked for said, and say what it means. Raises ValueError for any other."""
        number = self._next()
        if number is None or answer.candidate != self._candidates[number]:
            raise ValueError(f"nobody asked for {answer.candidate}")
        sense = self._sense(answer)
        self._judged[number] = BisectStep(answer, sense)
        if number == len(self._candidates) - 1:
            self._whole = math.log(answer.ratio) if sense == "bad" else None
        elif sense == "good":
            self._good = number
        elif sense == "bad":
            self._bad = number
        return sense

    def _sense(self, answer: CandidateResult) -> CandidateStatus:
        if answer.failure:
            return "failed"
        half = self._smallest if self._whole is None else self._whole / 2
        low, high = (math.log(end) if end > 0 else -math.inf for end in (answer.low, answer.high))
        if low > half:
            return "bad"
        return "good" if high < half else "not told"

    @property
    def outcome(self) -> BisectResult | None:
        """What the search found; None as long as something is to be compared."""
        if self._next() is not None:
            return None
        judged = tuple(self._judged.values())
        if self._whole is None:
            end = BisectEnd.NOT_MEASURED if judged[0].sense == "failed" else BisectEnd.NO_REGRESSION
            return BisectResult(end, "", (), math.nan, judged)
        suspects = self._candidates[self._good + 1 : self._bad + 1]
        good = self._judged[self._good].answer.ratio if self._good else 1.0
        step = self._judged[self._bad].answer.ratio / good
        end = BisectEnd.FOUND if len(suspects) == 1 else BisectEnd.AMBIGUOUS
        return BisectResult(end, self._candidates[self._good], suspects, step, judged)
