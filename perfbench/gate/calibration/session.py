"""Plan and read calibration runs: pairs of one release built twice, then pairs of which one side is slowed down."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from perfbench.errors import NotMeasured
from perfbench.gate.calibration import analysis
from perfbench.gate.calibration.analysis import Calibration
from perfbench.model import SPENT_SECONDS, CaseGroup, GatePolicy, Measurement, Run
from perfbench.results import storage
from perfbench.results.document import RUNS
from perfbench.runner import machine
from perfbench.runner.prepare import PreparedRun
from perfbench.stats import signed_rank
from perfbench.stats.pairs import choose_metric, compute_log_ratios, select_values

DEFAULT_NAME = "calibration"
"""The run that gates look for in the results folder."""

RELIABLE_PAIRS = 96
"""Pairs of unchanged code from which the scatter is known to about 7 %."""

MIN_PAIRS = 24
"""Fewest pairs of unchanged code, however short the time."""

SLOWDOWN_PAIRS = 48
"""Pairs of each slowdown where there is time for them; never more than half of those of unchanged code."""

SLOWDOWN_MULTIPLES = (0.5, 1.0, 2.0)
"""Slowdowns to inject, as multiples of the change that 48 pairs detect (docs/concepts/calibration.md)."""


def choose_multiples(prepared: PreparedRun, seconds: float, rounds: int | None) -> tuple[float, ...]:
    """The slowdowns, as multiples of the detectable change, that fit into the time; at least one.

    :param rounds: pairs of unchanged code, if they are given; None: as many as there is time for.
    """
    smallest = count_slowdown_pairs(MIN_PAIRS)
    spare = _count_affordable_pairs(prepared, seconds) - MIN_PAIRS
    if rounds is not None or spare >= len(SLOWDOWN_MULTIPLES) * smallest:
        return SLOWDOWN_MULTIPLES
    return SLOWDOWN_MULTIPLES[1:] if spare >= 2 * smallest else SLOWDOWN_MULTIPLES[1:2]


def choose_pair_count(prepared: PreparedRun, seconds: float, rounds: int | None, sizes: int) -> int:
    """The number of pairs of unchanged code: as given, else as many as fit into these seconds with those of the slowdowns.

    Each slowdown takes half as many pairs, at most 48. At least 24 pairs, so that a very short time is exceeded.

    :param sizes: the number of slowdowns.
    """
    if rounds is not None:
        return rounds
    affordable = _count_affordable_pairs(prepared, seconds)
    if affordable >= RELIABLE_PAIRS + sizes * SLOWDOWN_PAIRS:
        return affordable - sizes * SLOWDOWN_PAIRS
    return max(MIN_PAIRS, 2 * affordable // (2 + sizes))


def count_slowdown_pairs(pairs: int) -> int:
    """The number of pairs of each slowdown beside this many of unchanged code."""
    return min(SLOWDOWN_PAIRS, pairs // 2)


def choose_slowdown_pairs(unchanged: Run, seconds: float, sizes: int) -> int:
    """The number of pairs of each slowdown that fit into these seconds, at least 12 and at most as beside that many pairs.

    :param unchanged: the run of unchanged code, whose pairs show what one costs; :param sizes: the number of slowdowns.
    """
    most = count_slowdown_pairs(len(read_log_ratios(unchanged, unchanged.duets[0])))
    samples = unchanged.measurements[0].samples
    spent = [sample.metrics[SPENT_SECONDS.name] for sample in samples if SPENT_SECONDS.name in sample.metrics]
    if not spent or seconds == math.inf:
        return most
    affordable = int(seconds / sizes / max(median(spent), 1e-3))
    return max(count_slowdown_pairs(MIN_PAIRS), min(most, affordable))


def _count_affordable_pairs(prepared: PreparedRun, seconds: float) -> int:
    return max(0, int(seconds / max(read_pair_cost(prepared.run), 1e-3)))


def read_pair_cost(run: Run) -> float:
    """Wall-clock seconds of a pair, from its pilots."""
    assert run.settings.gate is not None
    return run.settings.gate.pairs[0].cost


def with_rounds(prepared: PreparedRun, rounds: int) -> PreparedRun:
    """The same plan with exactly this many pairs."""
    return replace(prepared, run=replace(prepared.run, settings=replace(prepared.run.settings, rounds=rounds)))


def choose_slowdowns(calibration: Calibration, multiples: Sequence[float] = SLOWDOWN_MULTIPLES) -> tuple[float, ...]:
    """The shares to slow passes down by: these multiples of what 48 pairs detect."""
    return tuple(multiple * calibration.compute_detectable(SLOWDOWN_PAIRS) for multiple in multiples)


def plan_slowdowns(prepared: PreparedRun, sizes: Sequence[float], name: str, pairs: int) -> PreparedRun:
    """The plan of the pairs of which the side after is slowed down by these shares.

    :param pairs: of each of them.
    """
    (group,) = prepared.tables
    groups = tuple(_slow_down_group(group, size) for size in sizes)
    measurements = tuple(
        replace(measurement, case=case, samples=())
        for slowed in groups
        for measurement, case in zip(prepared.run.measurements, slowed.cases, strict=True)
    )
    assert prepared.run.settings.gate is not None
    run = replace(
        prepared.run,
        id=name,
        settings=replace(prepared.run.settings, gate=replace(prepared.run.settings.gate, injected=tuple(sizes))),
        measurements=tuple({m.case.id: m for m in measurements}.values()),
        duets=tuple((before.id, after.id) for slowed in groups for before, after in slowed.duets),
    )
    return with_rounds(PreparedRun(groups, run), pairs)


def _slow_down_group(group: CaseGroup, share: float) -> CaseGroup:
    before, after = group.places
    slowed = replace(after.case, environment=f"{after.case.environment} slowed by {share:.4%}")
    return replace(group, places=(before, replace(after, case=slowed, slowdown=share)), duets=((before.case, slowed),))


def analyse_run(run: Run) -> Calibration:
    """The calibration that a run of unchanged code gives. Raises NotMeasured for too few pairs, or for another run."""
    if run.settings.gate is None or not run.duets:
        raise NotMeasured(f"{run.id} is not a calibration")
    before, after = run.duets[0]
    most = run.settings.gate.most(before, after)
    return analysis.analyse_unchanged(
        read_log_ratios(run, (before, after)), read_seconds(run, before), most, run.settings.seed
    )


def analyse_slowdown_run(run: Run, calibration: Calibration) -> tuple[analysis.SlowdownDetection, ...]:
    """The detection of each slowdown of a run. Raises NotMeasured as ``analyse_run`` does."""
    if run.settings.gate is None or len(run.settings.gate.injected) != len(run.duets):
        raise NotMeasured(f"{run.id} holds no slowdowns of a calibration")
    if not run.finished:
        raise NotMeasured(f"{run.id} was interrupted", hint="calibrate again")
    return tuple(
        analysis.analyse_slowdown(size, read_log_ratios(run, duet), calibration.looks, run.settings.seed)
        for size, duet in zip(run.settings.gate.injected, run.duets, strict=True)
    )


def require_free_names(names: Sequence[str], results: Path) -> None:
    """Raises UsageProblem for a name that is taken."""
    for name in names:
        RUNS.require_free(name, results)


def format_slowdown_name(name: str) -> str:
    """The name of the run with the slowdowns of a calibration."""
    return f"{name}-slower"


def read_log_ratios(run: Run, duet: tuple[str, str]) -> tuple[float, ...]:
    """The log ratios of the pairs of a duet, in order of time. Raises NotMeasured if there are not enough."""
    sides = [_find_measurement(run, case) for case in duet]
    metric = choose_metric([s for side in sides for s in side.samples], sides[0].metric)
    log_ratios = compute_log_ratios(sides[0].samples, sides[1].samples, metric)
    if len(log_ratios) < analysis.GROUP_SIZE:
        failures = [failure.message for side in sides for failure in side.failures]
        reason = "; ".join(dict.fromkeys(failures)) or "nothing failed"
        raise NotMeasured(f"only {len(log_ratios)} pairs were measured; {reason}")
    return tuple(log_ratios)


def _find_measurement(run: Run, case: str) -> Measurement:
    measurement = run.measurement(case)
    assert measurement is not None
    return measurement


def read_seconds(run: Run, case: str) -> list[float]:
    """The seconds of every pass of a case in its pairs, in order of time."""
    side = _find_measurement(run, case)
    return select_values(side.samples, choose_metric(side.samples, side.metric), "duet")


def apply_calibration(policy: GatePolicy, results: Path) -> GatePolicy:
    """The policy with the scatter of the calibration in the results folder; unchanged if none can be read."""
    try:
        run = storage.load_run(RUNS.find(DEFAULT_NAME, results))
        log_ratios = read_log_ratios(run, run.duets[0])
    except (NotMeasured, IndexError):
        return policy
    return replace(policy, sigma=signed_rank.compute_sigma(log_ratios), elsewhere=not _is_same_machine(run))


def _is_same_machine(run: Run) -> bool:
    """Whether the processor, the number of cores and the kernel are the same."""
    then, now = run.machine, machine.describe_machine(run.machine.pinned)
    return (then.cpu, then.cores, then.system) == (now.cpu, now.cores, now.system)
