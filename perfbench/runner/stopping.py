"""Stopping rules: when a group of cases has been measured in enough rounds (docs/concepts/estimate.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from perfbench.model import Case, GatePolicy, Settings
from perfbench.runner.time_limit import QUICK_ROUNDS
from perfbench.stats import sequential, signed_rank
from perfbench.stats.signed_rank import ADAPTIVE_LOOKS, Estimate

EstimatePairs = Callable[[float], Sequence[Estimate | None]]
"""The estimates of the pairs that are still measured, at a confidence level; None for one with too few pairs."""


class StoppingRule(Protocol):
    """Decides when the rounds of a group end."""

    @property
    def max_rounds(self) -> int:
        """The number of rounds after which it ends in any case."""

    @property
    def is_timed(self) -> bool:
        """Whether the rounds also end when the time of the group is over, after the first one."""

    @property
    def wants_verdicts(self) -> bool:
        """Whether a verdict on each pair is all that is wanted: a case without its partner is not measured then."""

    def is_settled(self, before: Case, after: Case, log_ratios: Sequence[float]) -> bool:
        """Whether a pair needs no more rounds.

        :param log_ratios: ln(after / before) of its rounds, in order of time.
        """

    def should_stop(self, rounds: int, estimate: EstimatePairs) -> bool:
        """Whether to stop before another round, whatever time is left.

        :param rounds: that are done.
        """

    def predict_rounds(self, rounds: int, pairs: Sequence[tuple[Case, Case]], estimate: EstimatePairs) -> int:
        """How many rounds it will probably take, from what ``rounds`` rounds say of the open pairs."""


@dataclass(frozen=True, slots=True)
class FixedRounds:
    """Exactly this many rounds; ``is_timed``: or as many as there is time for."""

    rounds: int
    wants_verdicts: bool = False
    is_timed: bool = False

    @property
    def max_rounds(self) -> int:
        """The number of rounds."""
        return self.rounds

    def is_settled(self, before: Case, after: Case, log_ratios: Sequence[float]) -> bool:
        """No pair is settled early."""
        del before, after, log_ratios
        return False

    def should_stop(self, rounds: int, estimate: EstimatePairs) -> bool:
        """Never before the last round."""
        del rounds, estimate
        return False

    def predict_rounds(self, rounds: int, pairs: Sequence[tuple[Case, Case]], estimate: EstimatePairs) -> int:
        """The number of rounds."""
        del rounds, pairs, estimate
        return self.rounds


@dataclass(frozen=True, slots=True)
class UntilPrecise:
    """Until every interval is ± ``precision`` of its ratio at one of the looks, or the time is over."""

    precision: float
    wants_verdicts: bool = False
    is_timed: bool = True

    @property
    def max_rounds(self) -> int:
        """The last look."""
        return ADAPTIVE_LOOKS[-1]

    def is_settled(self, before: Case, after: Case, log_ratios: Sequence[float]) -> bool:
        """No pair is settled apart from the others: its interval keeps narrowing at no extra cost of set-up."""
        del before, after, log_ratios
        return False

    def should_stop(self, rounds: int, estimate: EstimatePairs) -> bool:
        """Whether every interval is narrow enough at a look."""
        return rounds in ADAPTIVE_LOOKS and self.is_precise(estimate)

    def is_precise(self, estimate: EstimatePairs) -> bool:
        """Whether every interval is narrow enough."""
        return all(
            result is not None and signed_rank.is_precise_enough(result, self.precision)
            for result in estimate(signed_rank.choose_adaptive_confidence())
        )

    def predict_rounds(self, rounds: int, pairs: Sequence[tuple[Case, Case]], estimate: EstimatePairs) -> int:
        """The look at which every interval should be narrow enough: its width falls with the square root of the pairs."""
        del pairs
        widest = max(_list_half_widths(estimate), default=0.0)
        needed = max(rounds + 1, round(rounds * (widest / self.precision) ** 2))
        return next((look for look in ADAPTIVE_LOOKS if look >= needed), ADAPTIVE_LOOKS[-1])


@dataclass(frozen=True, slots=True)
class SequentialGate:
    """Until the verdict on every pair is clear at one of its looks, or its budget of pairs is used up.

    ``comparisons``: how many the gate makes in all, which share its error level (Holm). The budget of each pair follows from the
    time limit (``runner/pilot.py``).
    """

    policy: GatePolicy
    comparisons: int
    wants_verdicts: bool = True
    is_timed: bool = False

    @property
    def max_rounds(self) -> int:
        """The last look that any budget of pairs can reach."""
        return ADAPTIVE_LOOKS[-1]

    def is_settled(self, before: Case, after: Case, log_ratios: Sequence[float]) -> bool:
        """Whether the verdict is clear at a look, or all pairs were measured."""
        most = self.policy.most(before.id, after.id)
        bounds = sequential.build_bounds(self.policy, before, after)
        return sequential.is_settled(log_ratios, most, self.comparisons, bounds)

    def should_stop(self, rounds: int, estimate: EstimatePairs) -> bool:
        """Never for the group as a whole: each pair is settled apart."""
        del rounds, estimate
        return False

    def predict_rounds(self, rounds: int, pairs: Sequence[tuple[Case, Case]], estimate: EstimatePairs) -> int:
        """The largest budget of the pairs that are still open."""
        del rounds, estimate
        return max((self.policy.most(before.id, after.id) for before, after in pairs), default=1)


def compute_half_width(estimate: EstimatePairs) -> float | None:
    """Half of the widest interval as a share of its ratio; None where any pair has too few rounds for an interval."""
    widths = _list_half_widths(estimate)
    return max(widths, default=None) if len(widths) == len(estimate(signed_rank.choose_adaptive_confidence())) else None


def _list_half_widths(estimate: EstimatePairs) -> list[float]:
    estimates = [result for result in estimate(signed_rank.choose_adaptive_confidence()) if result is not None]
    return [(result.high - result.low) / 2 / result.ratio for result in estimates]


def choose_rule(settings: Settings, comparisons: int) -> StoppingRule:
    """The stopping rule of these settings.

    :param comparisons: how many pairs a gate compares in all; unused without a gate.
    """
    if settings.rounds is not None:
        is_timed = settings.quick and settings.rounds == QUICK_ROUNDS
        return FixedRounds(settings.rounds, wants_verdicts=settings.gate is not None, is_timed=is_timed)
    if settings.gate is not None:
        return SequentialGate(settings.gate, comparisons)
    return UntilPrecise(settings.precision)
