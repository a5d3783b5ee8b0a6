"""Pilot of a gate, before any ratio is seen: cut the market to length and measure the cost of a pair."""

from __future__ import annotations

import itertools
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from perfbench.datasets import head
from perfbench.model import Case, CaseGroup, GatePolicy, PairBudget, Sample, Settings, Trial
from perfbench.runner import heads, interleave, plan
from perfbench.runner.duet import DuetQueue, execute_trial
from perfbench.runner.interleave import InterleavedSide
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

PILOT_PAIRS = 2
"""Pairs that measure the cost, after one that is discarded (docs/concepts/gate.md, "Pilot pairs")."""


def run_pilots(
    tables: list[CaseGroup], settings: Settings, conditions: Conditions, folder: Path
) -> tuple[list[CaseGroup], GatePolicy]:
    """The groups with their markets cut, and the policy with the pair budget of each comparison.

    :param folder: for the cut files. Raises DataProblem for a market that cannot be cut.
    """
    policy = settings.gate or GatePolicy()
    cut, pairs = [], []
    for number, table in enumerate(tables):
        own = folder / f"cut-{number}"
        own.mkdir()
        fitting = _fit_market(table, settings, conditions, own)
        cut.append(fitting)
        (before, after), *_ = fitting.duets
        cost = _measure_pair_cost(fitting, settings, conditions)
        most = math.floor(policy.seconds / cost) if cost > 0 else 0
        pairs.append(PairBudget(before.id, after.id, sequential.select_looks(most)[-1], cost))
    return cut, replace(policy, pairs=tuple(pairs))


def _fit_market(table: CaseGroup, settings: Settings, conditions: Conditions, folder: Path) -> CaseGroup:
    """The group on as many first lines as a pass needs. A side that fails here fails again when it is measured.

    A program replays whole markets: what it asks for may begin later.
    """
    if table.market is None or table.scenario.program or (settings.gate or GatePolicy()).whole:
        return table
    lines, whole_is_long = INITIAL_LINES, False
    for _ in range(MAX_PROBES):
        market = head.cut_market(table.market, lines, folder)
        tried = heads.move_to_market(table, market)
        samples = [_run_pass(tried, case, settings, conditions) for case in tried.cases]
        passes = [sample for sample in samples if sample is not None]
        if len(passes) < len(samples):
            return tried
        seconds = min(sample.metrics[tried.scenario.metric] for sample in passes)
        wanted = max(MIN_PASS_SECONDS, *(MIN_PASS_STARTUPS * sample.metrics["startup_seconds"] for sample in passes))
        whole = market is table.market
        if whole and seconds < UNCUT_BELOW_SECONDS:
            return tried
        whole_is_long |= whole
        if (
            not whole
            and seconds >= SUFFICIENT_SHARE * wanted
            and (whole_is_long or seconds * table.market.updates / market.updates > UNCUT_BELOW_SECONDS)
        ):
            return tried
        # The first lines of a market are cheap: only a pass over the whole file shows its cost.
        short = not whole_is_long and seconds * table.market.updates / market.updates < UNCUT_BELOW_SECONDS
        lines = sys.maxsize if short else math.ceil(market.updates * wanted / seconds)
    return tried


def _run_pass(table: CaseGroup, case: Case, settings: Settings, conditions: Conditions) -> Sample | None:
    trial = Trial("alone", -1, (case,), 1 + settings.seed % plan.MAX_HASH_SEED)
    (result,) = execute_trial(trial, table, conditions)
    return result.sample


def _measure_pair_cost(table: CaseGroup, settings: Settings, conditions: Conditions) -> float:
    """Wall-clock seconds of a pair, from start to end; 0 if no pair can be measured."""
    sequential = conditions.core is None
    sides = [_run_pass(table, case, settings, conditions) for case in table.cases]
    if any(side is None for side in sides):
        return 0.0
    by_case = dict(zip(table.cases, sides, strict=True))

    def plan_slices(trial: Trial) -> Sequence[InterleavedSide]:
        return interleave.plan_slices(*(by_case[case].metrics["cpu_seconds"] for case in trial.cases))  # type: ignore[union-attr]

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
                    sequential=sequential,
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
