"""Passes of a worker under a CPU profiler, and their merge into a profile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from perfbench.errors import NotMeasured, TrialFailed
from perfbench.model import Case, CaseGroup, Trial
from perfbench.profiling.model import NO_CALLER, CallCount, Function, Profile, ProfiledPass, Stack
from perfbench.runner.trial import Conditions, build_request, request_answer
from perfbench.worker.profilers import cprofile, pyinstrument, pyspy
from perfbench.worker.protocol import CpuProfile, UpdateTimings

TIMEOUT_FACTOR = 20
"""Timeout factor of a profiled pass relative to a plain one."""

_PROFILERS = {"pyinstrument": pyinstrument, "cprofile": cprofile, "pyspy": pyspy}

NEEDS: dict[str, tuple[str, ...]] = {name: module.NEEDS for name, module in _PROFILERS.items()}
"""CPU profilers, and the packages that an environment needs for each."""

SUFFIXES: dict[str, str] = {name: module.SUFFIX for name, module in _PROFILERS.items()}
"""Suffix of the file that each profiler writes, if any."""


def run_profiled_pass(
    trial: Trial, table: CaseGroup, case: Case, conditions: Conditions, profiler: str, interval: float, artefact: Path
) -> CpuProfile:
    """Profile one pass of a case in a worker of its own.

    :param interval: seconds between two samples.
    :param artefact: where the profiler may write its own file.

    Raises TrialFailed, and NotMeasured for a pass that ended well but gave the profiler no sample. A profiler that cannot keep
    threads apart gives the counts of calls alone.
    """
    request = replace(
        build_request("profile", table, case, conditions.core_for(table)),
        profiler=profiler,
        interval=interval,
        artefact=str(artefact.absolute()),
    )
    profile = request_answer(trial, table, case, request, conditions.timeout * TIMEOUT_FACTOR, CpuProfile)
    if profile.work == 0:
        raise TrialFailed(f"did no work under {profiler}: 0 {table.scenario.unit} came out")
    if profile.mixed:
        return profile
    if sum(profile.seconds) <= 0:
        raise NotMeasured(
            f"{profiler} took no sample in {profile.cpu_seconds:.3f} s: use more data or a shorter --interval"
        )
    return profile


def run_traced_pass(trial: Trial, table: CaseGroup, case: Case, conditions: Conditions) -> UpdateTimings:
    """Time each update of one pass without a profiler. Raises TrialFailed."""
    request = build_request("trace", table, case, conditions.core_for(table))
    return request_answer(trial, table, case, request, conditions.timeout, UpdateTimings)


def merge_passes(
    case: Case,
    unit: str,
    python: str,
    profiler: str,
    interval: float,
    passes: Sequence[CpuProfile],
    counted: CpuProfile | None,
    unprofiled: Sequence[float],
) -> Profile:
    """Merge the passes of a case into a profile that lists every function once.

    :param counted: a pass under a profiler with call counts; :param unprofiled: CPU seconds of passes without a profiler.
    """
    functions: dict[tuple[str, str], int] = {}
    merged: list[Function] = []

    def indices(profiled: CpuProfile) -> list[int]:
        for function in profiled.functions:
            if (function.key, function.kind) not in functions:
                functions[function.key, function.kind] = len(merged)
                merged.append(function)
        return [functions[function.key, function.kind] for function in profiled.functions]

    own = [indices(profiled) for profiled in passes]
    if counted is None:
        counted = next((profiled for profiled in passes if profiled.calls), None)
    calls = () if counted is None else _build_calls(counted, indices(counted))
    return Profile(
        case=case,
        unit=unit,
        python=python,
        profiler=profiler,
        interval=interval,
        functions=tuple(merged),
        passes=tuple(_build_pass(profiled, places, len(merged)) for profiled, places in zip(passes, own, strict=True)),
        unprofiled=tuple(unprofiled),
        calls=calls,
        packages=tuple(passes[0].packages),
    )


def _build_pass(profiled: CpuProfile, places: Sequence[int], functions: int) -> ProfiledPass:
    inclusive = [0.0] * (functions if profiled.inclusive else 0)
    for place, seconds in zip(places, profiled.inclusive, strict=False):
        inclusive[place] = seconds
    return ProfiledPass(
        work=profiled.work,
        cpu_seconds=profiled.cpu_seconds,
        wall_seconds=profiled.wall_seconds,
        samples=profiled.samples,
        capped=profiled.capped,
        stacks=tuple(
            Stack(tuple(places[index] for index in frames), seconds)
            for frames, seconds in zip(profiled.stacks, profiled.seconds, strict=True)
        ),
        inclusive=tuple(inclusive),
        child_seconds=profiled.child_seconds,
        unseen_seconds=profiled.unseen_seconds,
        queue_seconds=profiled.queue_seconds,
    )


def _build_calls(profiled: CpuProfile, places: Sequence[int]) -> tuple[CallCount, ...]:
    return tuple(
        CallCount(NO_CALLER if caller == NO_CALLER else places[caller], places[callee], count)
        for caller, callee, count in profiled.calls
    )
