"""Records of a profiling session, one per finished step, and the profile document that they add up to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from perfbench.model import CPU_SECONDS, SCHEMA, Case, Measurement, Result, Run
from perfbench.profiling import cpu_pass
from perfbench.profiling.document import CaseCounts, ProfileDocument
from perfbench.profiling.memory.curve import MemoryCurve
from perfbench.profiling.memory.model import AllocationSummary, LineProfile
from perfbench.profiling.model import Profile
from perfbench.profiling.slow_updates import SlowUpdates
from perfbench.results.document import collect_results
from perfbench.runner import worker_answers
from perfbench.worker.protocol import CpuProfile, Request


@dataclass(frozen=True, slots=True)
class ProfileOptions:
    """What is profiled, and how.

    ``rounds``: passes with and without the profiler. ``interval``: seconds between samples; 0: a millisecond, finer for short
    passes. ``memory``: sample the memory of a pass; ``allocations``: attribute it to functions; ``lines``: functions to profile
    line by line, as ``module:function``; ``count``: count instructions by function.
    """

    profiler: str
    rounds: int
    interval: float
    memory: bool
    allocations: bool = False
    count: bool = False
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProfileRecord:
    """What one step of a session produced. ``step`` is its number in the plan, ``case`` the id of its (first) case.

    ``results``: passes without a profiler; ``sampled``: one under it; ``calls``: one with call counts; ``update_ns``: the
    nanoseconds of each update of a pass. ``failed``: the case cannot be measured; ``unsampled``: it is too short for the profiler.
    """

    step: int
    case: str
    results: tuple[Result, ...] = ()
    sampled: CpuProfile | None = None
    calls: CpuProfile | None = None
    interval: float = 0.0
    curve: MemoryCurve | None = None
    update_ns: tuple[int, ...] = ()
    slow_updates: SlowUpdates | None = None
    allocations: AllocationSummary | None = None
    lines: LineProfile | None = None
    counts: CaseCounts | None = None
    problem: str = ""
    failed: bool = False
    unsampled: bool = False


@dataclass(slots=True)
class CaseFindings:
    """The records of one case, collected."""

    passes: list[CpuProfile] = field(default_factory=list)
    calls: CpuProfile | None = None
    seconds: list[float] = field(default_factory=list)
    interval: float = 0.0
    update_ns: list[tuple[int, ...]] = field(default_factory=list)
    failed: bool = False
    unsampled: bool = False


def find_damage(record: ProfileRecord, cases: Collection[str]) -> str:
    """What cannot be in a record of a session of these cases, by their ids; empty if everything can."""
    unknown = {record.case, *(result.case for result in record.results)} - set(cases)
    if unknown:
        return f"no case `{min(unknown)}` was profiled"
    for sampled in filter(None, (record.sampled, record.calls)):
        if wrong := worker_answers.find_wrong_value(sampled, Request("profile", "")):
            return f"a profile with {wrong}"
    curve = record.curve
    if curve is not None and not len(curve.times) == len(curve.updates) == len(curve.rss) > 0:
        return "a curve of unequal numbers"
    samples = [result.sample for result in record.results if result.sample is not None]
    if any(CPU_SECONDS.name not in sample.metrics for sample in samples):
        return "a pass without seconds"
    return ""


def collect_findings(cases: Sequence[str], records: Sequence[ProfileRecord]) -> dict[str, CaseFindings]:
    """The findings of every case, by its id."""
    findings = {case: CaseFindings() for case in cases}
    for record in records:
        add_record(findings, record)
    return findings


def add_record(findings: dict[str, CaseFindings], record: ProfileRecord) -> None:
    """Add what a record says of its case, and of the partner of a pair."""
    own = findings[record.case]
    own.failed |= record.failed
    own.unsampled |= record.unsampled
    own.passes += [record.sampled] if record.sampled is not None else []
    own.calls = record.calls or own.calls
    own.interval = own.interval or record.interval
    own.update_ns += [record.update_ns] if record.update_ns else []
    for result in record.results:
        case = findings[result.case]
        if result.failure is not None:
            case.failed = True
        elif result.sample is not None:
            case.seconds.append(result.sample.metrics[CPU_SECONDS.name])


def assemble_document(
    run: Run, options: ProfileOptions, records: Sequence[ProfileRecord], *, complete: bool, problems: Sequence[str] = ()
) -> ProfileDocument:
    """The document that the records add up to.

    :param run: without samples; :param problems: beside those of the run and of the records.
    """
    findings = collect_findings([measurement.case.id for measurement in run.measurements], records)
    results = [result for record in records for result in record.results]
    messages = (*run.problems, *_list_problems(records), *problems)
    return ProfileDocument(
        schema=SCHEMA,
        run=replace(
            run,
            finished=complete,
            measurements=collect_results(run.measurements, results),
            problems=tuple(dict.fromkeys(filter(None, messages))),
        ),
        profiles=tuple(
            profile
            for measurement in run.measurements
            if (profile := _merge_profile(run, measurement, options, findings[measurement.case.id])) is not None
        ),
        curves=tuple(record.curve for record in records if record.curve is not None),
        spikes=tuple(record.slow_updates for record in records if record.slow_updates is not None),
        allocations=tuple(record.allocations for record in records if record.allocations is not None),
        lines=tuple(record.lines for record in records if record.lines is not None),
        counted=tuple(record.counts for record in records if record.counts is not None),
    )


def _list_problems(records: Sequence[ProfileRecord]) -> list[str]:
    problems = []
    for record in records:
        problems += [f"{record.case}: {record.problem}"] if record.problem else []
        problems += [f"{r.case}: {r.failure.message}" for r in record.results if r.failure is not None]
    return problems


def _merge_profile(
    run: Run, measurement: Measurement, options: ProfileOptions, findings: CaseFindings
) -> Profile | None:
    if not findings.passes or not findings.seconds:
        return None
    return cpu_pass.merge_passes(
        measurement.case,
        measurement.unit,
        _find_python_version(run, measurement.case),
        options.profiler,
        findings.interval,
        findings.passes,
        findings.calls,
        findings.seconds,
    )


def _find_python_version(run: Run, case: Case) -> str:
    return next((e.version for e in run.environments if e.name == case.environment), "")
