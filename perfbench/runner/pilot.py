"""Pilot of a gate, before any ratio is seen: cut the market to length and measure the cost of a pair."""

from __future__ import annotations

import itertools
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from perfbench.datasets import head
from perfbench.model import CaseGroup, GatePolicy, PairBudget, Sample, Settings, Trial
from perfbench.runner import callgrind, heads, interleave, plan
from perfbench.runner.duet import DuetQueue, execute_trial
from perfbench.runner.interleave import InterleavedSide
from perfbench.runner.probe import run_probe
from perfbench.runner.time_limit import TimeLimit
from perfbench.runner.trial import Conditions
from perfbench.stats import sequential

UNCUT_BELOW_SECONDS = 0.5
"""Seconds of a pass below which the file stays whole (docs/concepts/gate.md, "Pilot pairs")."""

MIN_PASS_SECONDS = 0.1
MIN_PASS_STARTUPS = 2.0
"""A pass takes at least MIN_PASS_SECONDS, and this many times the start-up of its worker (docs/concepts/gate.md, "Pilot pairs")."""

INITIAL_LINES = 1000
MAX_PROBES = 5
SUFFICIENT_SHARE = 0.8
"""A cut is accepted when its pass takes at least this share of the target."""

FILLED_SHARE = 0.8
"""The share of its time that the fewest pairs of a comparison are expected to fill with shorter passes."""

PILOT_PAIRS = 2
"""Pairs that measure the cost, after one that is discarded (docs/concepts/gate.md, "Pilot pairs")."""


CALIBRATION_PAIRS = 60, 4
"""The fewest pairs of a calibration and the runs that they are in: 24 of unchanged code, 12 of each of three slowdowns."""

CHECK_FACTOR = 15.0
"""Timed passes that a check pass is expected to take: 17 in lightweight mode, 5 in full mode."""


@dataclass(frozen=True, slots=True)
class PilotResult:
    """The pilot of one comparison: its group on the cut market, the wall-clock seconds of a pair, and those of its other passes.

    ``cost`` is 0 if no pair could be measured. ``least`` and ``most`` bound the number of pairs; it is one of ``looks``, if any.
    """

    group: CaseGroup
    cost: float
    overhead: float = 0.0
    least: int = sequential.GATE_LOOKS[0]
    most: int = sequential.GATE_LOOKS[-1]
    looks: tuple[int, ...] = sequential.GATE_LOOKS

    def plan_budget(self, seconds: float) -> PairBudget:
        """The maximum of pairs of the comparison that these seconds pay for."""
        (before, after), *_ = self.group.duets
        fitting = math.floor(min(seconds / self.cost, self.most)) if self.cost > 0 else 0
        most = max((look for look in self.looks if look <= fitting), default=self.least) if self.looks else fitting
        return PairBudget(before.id, after.id, max(self.least, most), self.cost)


def run_pilots(
    tables: Sequence[CaseGroup], settings: Settings, conditions: Conditions, folder: Path, limit: TimeLimit
) -> list[PilotResult]:
    """The pilot of each comparison, with its market cut.

    :param folder: for the cut files. :param limit: the fewest pairs of all comparisons have to fit into what is left of it.

    Raises DataProblem for a market that cannot be cut.
    """
    results: list[PilotResult] = []
    for number, table in enumerate(tables):
        own = folder / f"cut-{number}"
        own.mkdir()
        reserved = sum(pilot.overhead + pilot.least * pilot.cost for pilot in results)
        seconds = max(0.0, limit.left - reserved) / (len(tables) - number)
        fitted = _fit_market(table, settings, conditions, own, seconds)
        results.append(_measure_costs(fitted, settings, conditions))
    return results


def fix_budgets(pilots: Sequence[PilotResult], policy: GatePolicy, limit: TimeLimit) -> GatePolicy:
    """The policy with the maximum of pairs of each comparison, before any ratio is seen.

    They are those of ``policy.seconds`` each; where it has none, the comparisons share the time that is left.
    """
    available = limit.left - sum(pilot.overhead for pilot in pilots)
    seconds = policy.seconds or share_seconds(available, [(pilot.cost, pilot.least) for pilot in pilots])
    return replace(policy, seconds=seconds, pairs=tuple(pilot.plan_budget(seconds) for pilot in pilots))


def find_excess(pilots: Sequence[PilotResult], limit: TimeLimit) -> float:
    """The seconds by which the fewest pairs of all comparisons exceed the time that is left; 0 if they fit."""
    least = sum(pilot.overhead + pilot.least * pilot.cost for pilot in pilots)
    return max(0.0, least - limit.left)


def share_seconds(available: float, costs: Sequence[tuple[float, int]]) -> float:
    """The seconds of each comparison, so that all together take what is available.

    :param costs: the seconds of a pair of each, and its fewest pairs: they are measured even if they take longer than its share.
    """
    open_costs = sorted((cost * least for cost, least in costs), reverse=True)
    left, parts = max(0.0, available), len(open_costs)
    for least in open_costs:
        if least <= left / parts:
            break
        left, parts = max(0.0, left - least), parts - 1
        if not parts:
            return 0.0
    return left / max(1, parts)


def _fit_market(
    table: CaseGroup, settings: Settings, conditions: Conditions, folder: Path, available: float
) -> CaseGroup:
    """The group on as many first lines as a pass needs. A side that fails here fails again when it is measured.

    A program replays whole markets: what it asks for may begin later.

    :param available: the seconds for everything that is measured of this group.
    """
    if table.market is None or table.scenario.program or (settings.gate or GatePolicy()).whole:
        return table
    lines, whole_is_long = INITIAL_LINES, False
    for _ in range(MAX_PROBES):
        market = head.cut_market(table.market, lines, folder)
        tried = heads.move_to_market(table, market)
        samples = [run_probe(tried, case, settings, conditions) for case in tried.cases]
        passes = [sample for sample in samples if sample is not None]
        if len(passes) < len(samples):
            return tried
        seconds = min(sample.metrics[tried.scenario.metric] for sample in passes)
        length = choose_length([sample.metrics["startup_seconds"] for sample in passes], tried, settings, available)
        whole = market is table.market
        if whole and seconds < length.uncut_below:
            return tried
        whole_is_long |= whole
        whole_seconds = seconds * table.market.updates / market.updates
        if (
            not whole
            and seconds >= SUFFICIENT_SHARE * length.wanted
            and (whole_is_long or whole_seconds > length.uncut_below)
        ):
            return tried
        # The first lines of a market are cheap: only a pass over the whole file shows its cost.
        short = not whole_is_long and whole_seconds < length.uncut_below
        lines = sys.maxsize if short else math.ceil(market.updates * length.wanted / seconds)
    return tried


@dataclass(frozen=True, slots=True)
class PassLength:
    """The seconds that a pass of a gate should take, and those of the whole market below which it is not cut."""

    wanted: float
    uncut_below: float


def choose_length(startups: Sequence[float], table: CaseGroup, settings: Settings, available: float) -> PassLength:
    """How long a pass is: long beside the start-up of its worker, and shorter where the fewest pairs would take too long.

    :param startups: seconds of each side; :param available: the seconds for all passes of the comparison.
    """
    startup, solo = max(startups), len(plan.plan_solo_passes(table, settings))
    calibrates = settings.gate is not None and settings.gate.seconds > 0
    least, runs = CALIBRATION_PAIRS if calibrates else (sequential.GATE_LOOKS[0], 1)
    pairs = least + PILOT_PAIRS + 1
    fixed, per_second = startup * (pairs + runs * (1 + solo)), 2 * pairs + runs * (CHECK_FACTOR + solo)
    affordable = (FILLED_SHARE * available - fixed) / per_second
    wanted = max(MIN_PASS_SECONDS, min(MIN_PASS_STARTUPS * startup, affordable))
    return PassLength(wanted, min(UNCUT_BELOW_SECONDS, max(wanted, affordable)))


def _measure_costs(table: CaseGroup, settings: Settings, conditions: Conditions) -> PilotResult:
    """The pilot of a comparison on a market that is cut: solo passes, then pairs."""
    sides = [run_probe(table, case, settings, conditions) for case in table.cases]
    passes = [side for side in sides if side is not None]
    if len(passes) < len(sides):
        return PilotResult(table, 0.0)
    longest = max(side.metrics["cpu_seconds"] for side in passes)
    startup = max(side.metrics["startup_seconds"] for side in passes)
    overhead = CHECK_FACTOR * longest + (longest + startup) * len(plan.plan_solo_passes(table, settings))
    if settings.count:  # mostly the start of a worker, at the speed of Valgrind
        overhead += callgrind.TIMEOUT_FACTOR * startup * len(plan.plan_counts(table))
    return PilotResult(table, _measure_pair_cost(table, passes, settings, conditions), overhead)


def _measure_pair_cost(table: CaseGroup, sides: Sequence[Sample], settings: Settings, conditions: Conditions) -> float:
    """Wall-clock seconds of a pair, from start to end; 0 if no pair can be measured.

    :param sides: a solo pass of each case.
    """
    is_sequential = conditions.core is None
    by_case = dict(zip(table.cases, sides, strict=True))

    def plan_slices(trial: Trial) -> Sequence[InterleavedSide]:
        return interleave.plan_slices(*(by_case[case].metrics["cpu_seconds"] for case in trial.cases))

    # One pair more than is timed: the workers of the next one start while a pair runs, as they will in the gate.
    trials = [plan.plan_pilot(table, number, settings) for number in range(2 + PILOT_PAIRS)]
    spent = []
    with DuetQueue(table, conditions) as queue:
        for trial, coming in itertools.pairwise(trials):
            start = time.monotonic()
            results = list(
                execute_trial(
                    trial,
                    table,
                    conditions,
                    sequential=is_sequential,
                    parts=plan_slices(trial),
                    queue=queue,
                    following=partial(_pair_with_slices, coming, plan_slices),
                )
            )
            spent.append(time.monotonic() - start)
            if any(result.failure is not None for result in results):
                return 0.0
    return sum(spent[1:]) / PILOT_PAIRS


def _pair_with_slices(
    trial: Trial, plan_slices: Callable[[Trial], Sequence[InterleavedSide]]
) -> tuple[Trial, Sequence[InterleavedSide]]:
    return trial, plan_slices(trial)
