"""One pass under a profiler of the CPU, carried out by a worker; and passes put together to a profile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from perfbench import provenance, trials
from perfbench.errors import NotMeasured, TrialFailed
from perfbench.model import Case, Table, Trial
from perfbench.profiles import NO_CALLER, Call, Function, Pass, Profile, Stack
from perfbench.trials import Conditions
from perfbench.worker.profilers import cprofile, pyinstrument, pyspy
from perfbench.worker.protocol import Profiled, Traced

SLOWER = 20
"""So many times as long as a pass may a profiled one take before it is given up."""

_PROFILERS = {"pyinstrument": pyinstrument, "cprofile": cprofile, "pyspy": pyspy}

NEEDS: dict[str, tuple[str, ...]] = {name: module.NEEDS for name, module in _PROFILERS.items()}
"""The profilers of the CPU, and the packages that an environment needs for them."""

SUFFIXES: dict[str, str] = {name: module.SUFFIX for name, module in _PROFILERS.items()}
"""What each calls its own file, if it has one."""


def profiled(
    trial: Trial, table: Table, case: Case, conditions: Conditions, profiler: str, interval: float, artefact: Path
) -> Profiled:
    """What a profiler found in one pass of a case, in a worker of its own.

    :param interval: seconds between two samples.
    :param artefact: where the profiler may write its own file.

    Raises TrialFailed, and NotMeasured for a pass that ended well but gave the profiler no sample.
    """
    asked = replace(
        trials.request("profile", table, case, conditions.core_for(table)),
        profiler=profiler,
        interval=interval,
        artefact=str(artefact),
    )
    found = trials.answer(trial, table, case, asked, conditions.timeout * SLOWER, Profiled)
    if found.work == 0:
        raise TrialFailed(f"did no work under {profiler}: 0 {table.scenario.unit} came out")
    if sum(found.seconds) <= 0:
        raise NotMeasured(
            f"{profiler} took no sample in {found.cpu_seconds:.3f} s: give it more data or a shorter --interval"
        )
    return found


def traced(trial: Trial, table: Table, case: Case, conditions: Conditions) -> Traced:
    """How long each update of one pass took, without a profiler. Raises TrialFailed."""
    asked = trials.request("trace", table, case, conditions.core_for(table))
    return trials.answer(trial, table, case, asked, conditions.timeout, Traced)


def merged(
    case: Case,
    unit: str,
    python: str,
    profiler: str,
    interval: float,
    passes: Sequence[Profiled],
    counted: Profiled | None,
    unprofiled: Sequence[float],
) -> Profile:
    """All that was found of a case, with every function once.

    :param counted: a pass under a profiler that counts calls; :param unprofiled: CPU seconds of passes without a profiler.
    """
    functions: dict[tuple[str, str], int] = {}
    known: list[Function] = []

    def indices(found: Profiled) -> list[int]:
        for function in found.functions:
            if (function.key, function.kind) not in functions:
                functions[function.key, function.kind] = len(known)
                known.append(Function(function.key, function.kind, function.line, function.shape))
        return [functions[function.key, function.kind] for function in found.functions]

    own = [indices(one) for one in passes]
    if counted is None:
        counted = next((one for one in passes if one.calls), None)
    calls = () if counted is None else _calls(counted, indices(counted))
    return Profile(
        case=case,
        unit=unit,
        python=python,
        profiler=profiler,
        interval=interval,
        functions=tuple(known),
        passes=tuple(_pass(one, places, len(known)) for one, places in zip(passes, own, strict=True)),
        unprofiled=tuple(unprofiled),
        calls=calls,
        packages=provenance.imported(passes[0].packages),
    )


def _pass(found: Profiled, places: Sequence[int], functions: int) -> Pass:
    inclusive = [0.0] * (functions if found.inclusive else 0)
    for place, seconds in zip(places, found.inclusive, strict=False):
        inclusive[place] = seconds
    return Pass(
        work=found.work,
        cpu_seconds=found.cpu_seconds,
        wall_seconds=found.wall_seconds,
        samples=found.samples,
        capped=found.capped,
        stacks=tuple(
            Stack(tuple(places[index] for index in frames), seconds)
            for frames, seconds in zip(found.stacks, found.seconds, strict=True)
        ),
        inclusive=tuple(inclusive),
    )


def _calls(found: Profiled, places: Sequence[int]) -> tuple[Call, ...]:
    return tuple(
        Call(NO_CALLER if caller == NO_CALLER else places[caller], places[callee], count)
        for caller, callee, count in found.calls
    )
