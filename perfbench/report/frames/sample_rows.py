"""The raw samples of a run as rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from perfbench.model import (
    CHILD_SECONDS,
    CPU_SECONDS,
    INSTRUCTIONS,
    PEAK_RSS_BYTES,
    QUEUE_SECONDS,
    REPORTED_SECONDS,
    SPENT_SECONDS,
    STARTUP_SECONDS,
    WALL_SECONDS,
    Measurement,
    Run,
    Sample,
)
from perfbench.report.build import group_measurements
from perfbench.report.frames.columns import Numbers, Parameters
from perfbench.stats import pairs


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One pass in a fresh process; None is what it did not measure.

    ``kind``: ``duet`` (of a pair), ``alone``, ``memory`` or ``count``. ``pair`` joins the samples of one pair, ``order`` numbers
    the passes of a trial. ``work`` is counted in ``unit``. ``seconds`` are those of ``metric``, from which the ratios of the table
    come. ``numbers`` are the scenario's own metrics. Of a corpus: ``data`` is the batch that was drawn, and ``parts`` are the
    seconds of each of its market files; ``machine`` and ``core`` are where it ran, if that was not always the same.
    """

    run: str
    scenario: str
    mode: str
    environment: str
    data: str
    parameters: Parameters
    baseline: bool
    kind: str
    round: int
    pair: str
    order: int
    work: int
    unit: str
    metric: str
    seconds: float | None
    cpu_seconds: float | None
    wall_seconds: float | None
    reported_seconds: float | None
    startup_seconds: float | None
    queue_seconds: float | None
    child_seconds: float | None
    spent_seconds: float | None
    peak_rss_bytes: float | None
    instructions: float | None
    machine: str
    core: int | None
    numbers: Numbers
    parts: tuple[float, ...]


def list_samples(run: Run) -> Iterator[SampleRow]:
    """Every sample in the order of the document; failed passes have none."""
    metrics = {
        measurement.case.id: pairs.choose_metric((s for m in group for s in m.samples), group[0].metric)
        for group in group_measurements(run)
        for measurement in group
    }
    for measurement in run.measurements:
        for sample in measurement.samples:
            yield _build_row(run, measurement, sample, metrics[measurement.case.id])


def _build_row(run: Run, measurement: Measurement, sample: Sample, metric: str) -> SampleRow:
    case, measured = measurement.case, sample.metrics
    return SampleRow(
        run=run.id,
        scenario=case.scenario,
        mode=case.mode,
        environment=case.environment,
        data=case.data,
        parameters=case.parameters,
        baseline=measurement.baseline,
        kind=sample.kind,
        round=sample.round,
        pair=sample.pair,
        order=sample.order,
        work=sample.work,
        unit=measurement.unit,
        metric=metric,
        seconds=measured.get(metric),
        cpu_seconds=measured.get(CPU_SECONDS.name),
        wall_seconds=measured.get(WALL_SECONDS.name),
        reported_seconds=measured.get(REPORTED_SECONDS.name),
        startup_seconds=measured.get(STARTUP_SECONDS.name),
        queue_seconds=measured.get(QUEUE_SECONDS.name),
        child_seconds=measured.get(CHILD_SECONDS.name),
        spent_seconds=measured.get(SPENT_SECONDS.name),
        peak_rss_bytes=measured.get(PEAK_RSS_BYTES.name),
        instructions=measured.get(INSTRUCTIONS.name),
        machine=sample.machine,
        core=sample.core,
        numbers=tuple(sample.numbers.items()),
        parts=sample.parts,
    )
