"""Gate policy: thresholds and budgets, fixed before anything is measured and saved with the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Budget:
    """An upper limit.

    ``memory``: the peak after, as a share of that before (0.05: 5 % more), and more than a megabyte; ``peak``: the peak after, in
    bytes; ``ratio``: the seconds of ``mode`` over those of ``other``, both after; ``count``: the instructions after, as a share of
    those before (0.002: 0.2 % more); ``change``: the ``metric`` of the scenario worse than before by more than this share;
    ``number``: that metric after, at most, or at least where more of it is better.
    """

    kind: Literal["memory", "peak", "ratio", "count", "change", "number"]
    limit: float
    mode: str = ""
    other: str = ""
    metric: str = ""


@dataclass(frozen=True, slots=True)
class PairBudget:
    """The maximum number of pairs of a comparison, by the ids of its cases; it follows from the cost of a pair and the time limit.

    ``cost``: wall-clock seconds of a pair; 0 where no pilot could be run.
    """

    before: str
    after: str
    most: int
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class PinnedInput:
    """A scenario or market file that must be the one of the baseline: its name and checksum."""

    kind: Literal["scenario", "market file"]
    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """The policy of a gate for every case.

    ``threshold``: a slowdown above this share is a regression (0: any significant one). ``seconds``: of pairs, for
    each case; 0 until the pilots share the time limit of the command. ``whole``: files are replayed whole. ``pairs``: known once
    the pilots have run, before any ratio is seen. ``baseline`` is the saved run that sets the standard, and ``demands`` what must
    be as it was then. ``sigma`` is that of the calibration, 0 without one, and ``elsewhere`` says that it was made on another
    machine. ``injected`` are the shares by which the sides after were made slower, in a calibration.
    """

    threshold: float = 0.0
    seconds: float = 30.0
    budgets: tuple[Budget, ...] = ()
    fail_on_inconclusive: bool = False
    whole: bool = False
    pairs: tuple[PairBudget, ...] = ()
    baseline: str = ""
    demands: tuple[PinnedInput, ...] = ()
    sigma: float = 0.0
    elsewhere: bool = False
    injected: tuple[float, ...] = ()

    def most(self, before: str, after: str) -> int:
        """The maximum number of pairs of a comparison; 0 before the pilot."""
        return next((budget.most for budget in self.pairs if (budget.before, budget.after) == (before, after)), 0)

    @property
    def max_pairs(self) -> int:
        """The maximum number of pairs of any comparison; 0 before the pilot."""
        return max((budget.most for budget in self.pairs), default=0)

    @property
    def limits_memory(self) -> bool:
        """Whether any budget limits memory."""
        return any(budget.kind in ("memory", "peak") for budget in self.budgets)

    @property
    def limits_count(self) -> bool:
        """Whether any budget limits instructions."""
        return any(budget.kind == "count" for budget in self.budgets)

    @property
    def limits_numbers(self) -> bool:
        """Whether any budget limits a metric that a mode reports."""
        return any(budget.metric for budget in self.budgets)

    def limit(self, mode: str, other: str) -> float | None:
        """The limit of the seconds of ``mode`` over those of ``other``, after; None without such a budget."""
        kept = (b.limit for b in self.budgets if (b.kind, b.mode, b.other) == ("ratio", mode, other))
        return next(kept, None)
