"""Measure what a machine lets a gate see: pairs of one release built twice, then pairs of which one side is made slower."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from perfbench.errors import NotMeasured, UsageProblem
from perfbench.gate.calibration import analysis
from perfbench.gate.calibration.analysis import Calibration
from perfbench.model import CaseGroup, GatePolicy, Measurement, Run
from perfbench.results import document, journal, storage
from perfbench.runner import machine
from perfbench.runner.prepare import PreparedRun
from perfbench.stats import signed_rank
from perfbench.stats.pairs import choose_metric, compute_log_ratios, select_values

DEFAULT_NAME = "calibration"
"""The run that gates look for in the results folder."""

MIN_PAIRS = 96
SLOWDOWN_PAIRS = 48
SLOWDOWN_MULTIPLES = (0.5, 1.0, 2.0)
"""Of the smallest change that 48 pairs see: what is injected (method.md)."""


def choose_pair_count(prepared: PreparedRun, seconds: float, rounds: int | None, sizes: int) -> int:
    """How many pairs of unchanged code: as many as are asked for, else as there is time for and at least 96.

    :param sizes: how many slow-downs need their 48 pairs too.
    """
    if rounds is not None:
        return rounds
    return max(MIN_PAIRS, int(seconds / max(read_pair_cost(prepared.run), 1e-3)) - sizes * SLOWDOWN_PAIRS)


def read_pair_cost(run: Run) -> float:
    """The seconds of a pair by the clock, as its pilots had it."""
    assert run.settings.gate is not None
    return run.settings.gate.pairs[0].cost


def with_rounds(prepared: PreparedRun, rounds: int) -> PreparedRun:
    """The same plan with exactly so many pairs."""
    return replace(prepared, run=replace(prepared.run, settings=replace(prepared.run.settings, rounds=rounds)))


def choose_slowdowns(found: Calibration) -> tuple[float, ...]:
    """The shares to make passes slower by: half, once and twice what 48 pairs see."""
    return tuple(size * found.detectable(SLOWDOWN_PAIRS) for size in SLOWDOWN_MULTIPLES)


def plan_slowdowns(prepared: PreparedRun, sizes: Sequence[float], name: str, pairs: int) -> PreparedRun:
    """The plan of the pairs of which the side after is made slower by these shares.

    :param pairs: of unchanged code; each size has 48, or half as many if those are fewer.
    """
    (table,) = prepared.tables
    tables = tuple(_slow_down_group(table, size) for size in sizes)
    measurements = tuple(
        replace(measurement, case=case, samples=())
        for each in tables
        for measurement, case in zip(prepared.run.measurements, each.cases, strict=True)
    )
    assert prepared.run.settings.gate is not None
    run = replace(
        prepared.run,
        id=name,
        settings=replace(prepared.run.settings, gate=replace(prepared.run.settings.gate, injected=tuple(sizes))),
        measurements=tuple({m.case.id: m for m in measurements}.values()),
        duets=tuple((before.id, after.id) for each in tables for before, after in each.duets),
    )
    return with_rounds(PreparedRun(tables, run), min(SLOWDOWN_PAIRS, pairs // 2))


def _slow_down_group(table: CaseGroup, share: float) -> CaseGroup:
    before, after = table.places
    slowed = replace(after.case, environment=f"{after.case.environment} made slower by {share:.4%}")
    return replace(table, places=(before, replace(after, case=slowed, burn=share)), duets=((before.case, slowed),))


def analyse_run(run: Run) -> Calibration:
    """What a run of unchanged code says. Raises NotMeasured if it has not enough pairs, or is no calibration."""
    if run.settings.gate is None or not run.duets:
        raise NotMeasured(f"{run.id} is no calibration")
    before, after = run.duets[0]
    most = run.settings.gate.most(before, after)
    return analysis.analyse_unchanged(
        read_log_ratios(run, (before, after)), read_seconds(run, before), most, run.settings.seed
    )


def analyse_slowdown_run(run: Run, found: Calibration) -> tuple[analysis.SlowdownDetection, ...]:
    """What a run of slower code says of each slow-down. Raises NotMeasured as ``read`` does."""
    if run.settings.gate is None or len(run.settings.gate.injected) != len(run.duets):
        raise NotMeasured(f"{run.id} holds no slow-downs of a calibration")
    if not run.finished:
        raise NotMeasured(f"{run.id} was interrupted: calibrate again")
    return tuple(
        analysis.analyse_slowdown(size, read_log_ratios(run, duet), found.looks, run.settings.seed)
        for size, duet in zip(run.settings.gate.injected, run.duets, strict=True)
    )


def require_free_names(names: Sequence[str], results: Path) -> None:
    """Raises UsageProblem for a name that is taken: better before the first is measured than after it."""
    for name in names:
        for ending in (journal.JOURNAL_SUFFIX, document.DOCUMENT_SUFFIX):
            if (results / f"{name}{ending}").exists():
                raise UsageProblem(f"{results / name} is already there; give the calibration another --save name")


def format_slowdown_name(name: str) -> str:
    """The name of the run that belongs to a calibration, of slower code."""
    return f"{name}-slower"


def read_log_ratios(run: Run, duet: tuple[str, str]) -> tuple[float, ...]:
    """The log ratios of the pairs of a duet, in order of time. Raises NotMeasured if there are not enough."""
    sides = [_find_measurement(run, case) for case in duet]
    metric = choose_metric([s for side in sides for s in side.samples], sides[0].metric)
    found = compute_log_ratios(sides[0].samples, sides[1].samples, metric)
    if len(found) < analysis.GROUP_SIZE:
        failures = [failure.message for side in sides for failure in side.failures]
        raise NotMeasured(
            f"only {len(found)} pairs were measured; {'; '.join(dict.fromkeys(failures)) or 'nothing failed'}"
        )
    return tuple(found)


def _find_measurement(run: Run, case: str) -> Measurement:
    return next(measurement for measurement in run.measurements if measurement.case.id == case)


def read_seconds(run: Run, case: str) -> list[float]:
    """The seconds of every pass of a case in its pairs, in order of time."""
    side = _find_measurement(run, case)
    return select_values(side.samples, choose_metric(side.samples, side.metric), "duet")


def apply_calibration(terms: GatePolicy, results: Path) -> GatePolicy:
    """The terms with what the calibration in the results folder says; as they are if there is none that can be read."""
    try:
        run = storage.load_run(storage.find_run(DEFAULT_NAME, results))
        found = read_log_ratios(run, run.duets[0])
    except (NotMeasured, IndexError):
        return terms
    return replace(terms, sigma=signed_rank.compute_sigma(found), elsewhere=not _is_same_machine(run))


def _is_same_machine(run: Run) -> bool:
    """Whether the processor, the number of cores and the kernel are the same."""
    then, now = run.machine, machine.describe_machine(run.machine.pinned)
    return (then.cpu, then.cores, then.system) == (now.cpu, now.cores, now.system)
