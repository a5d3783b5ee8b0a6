"""Memory curve of one pass: samples from outside, combined with the observations of the worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import memory_profiler
import numpy as np
import psutil

from perfbench.errors import TrialFailed
from perfbench.model import Case, CaseGroup, Trial
from perfbench.profiling.memory.curve import GARBAGE, MemoryCurve, MemoryMark
from perfbench.runner import imported_versions
from perfbench.runner.trial import Conditions, build_request, describe_no_work, start_worker, wait_until_ready
from perfbench.runner.worker_process import WorkerProcess
from perfbench.worker.protocol import MemoryObservation, PassCompleted

SAMPLE_INTERVAL = 0.01
"""Seconds between two samples."""

MIB = 1 << 20
"""The unit of memory_profiler (its _TWO_20)."""


@dataclass(slots=True)
class MemorySamples:
    """What memory_profiler saw of a process and its children: times by ``time.time()``, and bytes."""

    times: list[float] = field(default_factory=list)
    rss: list[int] = field(default_factory=list)

    def take(self, pid: int) -> None:
        """One more sample, and the wait until the next one. Whatever has ended gives none.

        memory_profiler adds up what is resident in each process, so memory that a forked child shares is counted twice.
        """
        try:
            readings = memory_profiler.memory_usage(
                pid, interval=SAMPLE_INTERVAL, timeout=SAMPLE_INTERVAL, timestamps=True, include_children=True
            )
        except psutil.Error:
            return
        for reading in readings:
            if reading is not None and reading[0] > 0:
                self.times.append(reading[1])
                self.rss.append(round(reading[0] * MIB))


def sample_memory(
    trial: Trial, table: CaseGroup, case: Case, conditions: Conditions, marks: Sequence[tuple[int, str]] = ()
) -> MemoryCurve:
    """The memory of one pass of a case, sampled every 10 ms, the children of the worker with it.

    :param marks: numbers of updates (from 0) at which something happens, and what: see ``datasets.turning_points``.

    Raises TrialFailed, also for a worker that is killed or takes longer than it may.
    """
    core = conditions.core_for(table)
    request = replace(build_request("watch", table, case, core), held=True, marks=[number for number, _ in marks])
    samples = MemorySamples()
    with start_worker(table, case, request, trial, conditions.timeout) as worker:
        wait_until_ready(worker, table)
        samples.take(worker.pid)
        worker.go()
        _sample_until_answer(worker, samples)
        worker.expect(PassCompleted)
        samples.take(worker.pid)
        worker.go()
        watched = worker.expect(MemoryObservation)
        worker.end()
        printed = worker.describe_output()
    packages = tuple(watched.packages)
    wrong = imported_versions.find_wrong_import(table.place(case).environment, packages)
    if watched.work == 0:
        wrong = describe_no_work(table.scenario.unit, printed)
    if wrong or not samples.times:
        raise TrialFailed(wrong or "the memory of the worker could not be sampled")
    return replace(
        build_curve(case, table.scenario.unit, samples, watched, [what for _, what in marks]), packages=packages
    )


def _sample_until_answer(worker: WorkerProcess, samples: MemorySamples) -> None:
    """Sample until the worker answers, ends or times out; the reader of its answer learns which."""
    while not worker.answers_within(0) and not worker.overdue and not worker.ended:
        samples.take(worker.pid)


def build_curve(
    case: Case, unit: str, samples: MemorySamples, watched: MemoryObservation, what: Sequence[str]
) -> MemoryCurve:
    """The last sample, taken while the worker was held, stands at the end of the pass; what came before its start is left out."""
    ready, *_ = samples.rss
    times = [min(time, watched.ended) - watched.started for time in samples.times]
    inside = [place for place, time in enumerate(times) if time >= 0] or [len(times) - 1]
    marks = [
        MemoryMark(name, at - watched.started) for name, at in zip(what, watched.marks, strict=True) if at is not None
    ]
    marks += [MemoryMark(GARBAGE, collection.began - watched.started) for collection in watched.full]
    seconds = watched.ended - watched.started
    return MemoryCurve(
        case=case,
        unit=unit,
        work=watched.work,
        seconds=seconds,
        times=tuple(times[place] for place in inside),
        updates=_interpolate_updates([times[place] for place in inside], watched),
        rss=tuple(samples.rss[place] for place in inside),
        baseline=ready if watched.ready_bytes is None else watched.ready_bytes,
        observed=bool(watched.progress),
        marks=tuple(sorted(marks, key=lambda mark: mark.seconds)),
        collections=tuple(watched.collections),
        hwm_bytes=watched.peak_bytes if watched.peak_reset else None,
        after_bytes=watched.left_bytes,
    )


def _interpolate_updates(times: Sequence[float], watched: MemoryObservation) -> tuple[float, ...]:
    """How many updates, or how much of the work where none was seen, had come at these times."""
    seconds = watched.ended - watched.started
    if not watched.progress:
        return tuple(watched.work * time / seconds for time in times)
    ends = [at - watched.started for at in watched.progress] + [seconds]
    counts = [float(place * watched.stride) for place in range(len(watched.progress))] + [float(watched.updates)]
    share = watched.work / watched.updates if watched.updates else 1.0
    return tuple(float(count) * share for count in np.interp(times, ends, counts))
