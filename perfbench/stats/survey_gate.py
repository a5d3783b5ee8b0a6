"""Group-sequential test of a gate on a corpus: the ratio of the corpus and of each stratum, at looks fixed in advance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from numpy.typing import ArrayLike

from perfbench.model import Verdict
from perfbench.stats import survey
from perfbench.stats.sequential import ONE_SIDED_ERROR
from perfbench.stats.verdict_bounds import VerdictBounds


@dataclass(frozen=True, slots=True)
class RatioVerdict:
    """The verdict on the ratio of a corpus or a stratum, with the interval at the confidence of this look."""

    label: str
    verdict: Verdict
    ratio: float
    low: float
    high: float
    draws: int
    confidence: float


@dataclass(frozen=True, slots=True)
class SurveyVerdict:
    """The verdict on a corpus and on each of its strata, at the last look that the draws reach.

    ``settled``: no more draws are needed. ``regressed``: the corpus or any stratum has regressed.
    """

    corpus: RatioVerdict
    strata: tuple[RatioVerdict, ...]
    settled: bool

    @property
    def regressed(self) -> bool:
        """Whether the corpus or a stratum has regressed."""
        return any(part.verdict is Verdict.REGRESSED for part in (self.corpus, *self.strata))


def select_looks(most: int) -> tuple[int, ...]:
    """The looks of a gate with at most this many draws: those of a survey below it, and the last draw; at least the first."""
    first = survey.LOOKS[0]
    return (*(look for look in survey.LOOKS if look < most), most) if most > first else (first,)


def decide_survey(
    before: ArrayLike,
    after: ArrayLike,
    shares: ArrayLike,
    allowed: VerdictBounds,
    most: int,
    *,
    labels: Sequence[str] = (),
    strata: int = 0,
    side: float = ONE_SIDED_ERROR,
) -> SurveyVerdict:
    """The verdict after the draws so far, in order; ``most`` and the number of ``strata`` are fixed before the first ratio.

    :param labels: the stratum of each draw, or none; :param side: the probability that unchanged code is reported as regressed,
        over all looks, the corpus and its strata; the same for improved.
    """
    raise NotImplementedError
