"""Measure what a machine lets a gate see: pairs of one release built twice, then pairs of which one side is made slower."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from perfbench import calibrating, machine, pairing, statistics, storage
from perfbench.calibrating import Calibration
from perfbench.errors import NotMeasured
from perfbench.model import Measurement, Run, Table
from perfbench.session import Prepared
from perfbench.terms import Terms

NAME = "calibration"
"""The run that gates look for in the results folder."""

FEWEST = 96
SLOWED_PAIRS = 48
SIZES = (0.5, 1.0, 2.0)
"""Of the smallest change that 48 pairs see: what is injected (method.md)."""


def pairs_for(prepared: Prepared, seconds: float, rounds: int | None, sizes: int) -> int:
    """How many pairs of unchanged code: as many as are asked for, else as there is time for and at least 96.

    :param sizes: how many slow-downs need their 48 pairs too.
    """
    if rounds is not None:
        return rounds
    return max(FEWEST, int(seconds / max(cost(prepared.run), 1e-3)) - sizes * SLOWED_PAIRS)


def cost(run: Run) -> float:
    """The seconds of a pair by the clock, as its pilots had it."""
    assert run.settings.gate is not None
    return run.settings.gate.pairs[0].cost


def with_rounds(prepared: Prepared, rounds: int) -> Prepared:
    """The same plan with exactly so many pairs."""
    return replace(prepared, run=replace(prepared.run, settings=replace(prepared.run.settings, rounds=rounds)))


def sizes_for(found: Calibration) -> tuple[float, ...]:
    """The shares to make passes slower by: half, once and twice what 48 pairs see."""
    return tuple(size * found.detectable(SLOWED_PAIRS) for size in SIZES)


def made_slower(prepared: Prepared, found: Calibration, sizes: Sequence[float], name: str) -> Prepared:
    """The plan of the pairs of which the side after is made slower by these shares.

    Each size has 48 pairs, or half as many as unchanged code if those are fewer.
    """
    (table,) = prepared.tables
    tables = tuple(_slower(table, size) for size in sizes)
    measurements = tuple(
        replace(measurement, case=case, samples=())
        for each in tables
        for measurement, case in zip(prepared.run.measurements, each.cases, strict=True)
    )
    run = replace(
        prepared.run,
        id=name,
        measurements=tuple({m.case.id: m for m in measurements}.values()),
        duets=tuple((before.id, after.id) for each in tables for before, after in each.duets),
    )
    return with_rounds(Prepared(tables, run), min(SLOWED_PAIRS, found.pairs // 2))


def _slower(table: Table, share: float) -> Table:
    before, after = table.places
    slowed = replace(after.case, environment=f"{after.case.environment} made slower by {share:.4%}")
    return replace(table, places=(before, replace(after, case=slowed, burn=share)), duets=((before.case, slowed),))


def differences(run: Run, duet: tuple[str, str]) -> tuple[float, ...]:
    """The log ratios of the pairs of a duet, in order of time. Raises NotMeasured if there are not enough."""
    sides = [_measurement(run, case) for case in duet]
    metric = pairing.metric_of([s for side in sides for s in side.samples], sides[0].metric)
    found = pairing.log_ratios(sides[0].samples, sides[1].samples, metric)
    if len(found) < calibrating.GROUP:
        failures = [failure.message for side in sides for failure in side.failures]
        raise NotMeasured(
            f"only {len(found)} pairs were measured; {'; '.join(dict.fromkeys(failures)) or 'nothing failed'}"
        )
    return tuple(found)


def _measurement(run: Run, case: str) -> Measurement:
    return next(measurement for measurement in run.measurements if measurement.case.id == case)


def seconds(run: Run, case: str) -> list[float]:
    """The seconds of every pass of a case in its pairs, in order of time."""
    side = _measurement(run, case)
    return pairing.values(side.samples, pairing.metric_of(side.samples, side.metric), "duet")


def known_to(terms: Terms, results: Path) -> Terms:
    """The terms with what the calibration in the results folder says; as they are if there is none that can be read."""
    try:
        run = storage.load(storage.find(NAME, results))
        found = differences(run, run.duets[0])
    except (NotMeasured, IndexError):
        return terms
    return replace(terms, sigma=statistics.sigma(found), elsewhere=not _is_of_this_machine(run))


def _is_of_this_machine(run: Run) -> bool:
    """Whether the processor, the number of cores and the kernel are the same."""
    then, now = run.machine, machine.describe(run.machine.pinned)
    return (then.cpu, then.cores, then.system) == (now.cpu, now.cores, now.system)
