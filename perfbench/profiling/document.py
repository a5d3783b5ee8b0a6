"""The saved profile document: load, save, find, and the file names of its cases."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from perfbench.errors import StorageProblem, UsageProblem
from perfbench.model import CPU_SECONDS, SCHEMA, Case, Measurement, Run
from perfbench.profiling.instructions.functions import FunctionCounts
from perfbench.profiling.memory.curve import MemoryCurve
from perfbench.profiling.memory.model import AllocationSummary, LineProfile
from perfbench.profiling.model import Profile
from perfbench.profiling.slow_updates import SlowUpdates
from perfbench.stats.pairs import pair_values
from perfbench.util import files

PROFILE_SUFFIX = ".profile.json"
SIDE_NAMES = ("before", "after")


@dataclass(frozen=True, slots=True)
class CaseCounts:
    """The instructions of a case by function, under one seed of string hashes."""

    case: Case
    seed: int
    counts: FunctionCounts


@dataclass(frozen=True, slots=True)
class ProfileDocument:
    """The saved document. Its ``run`` has the samples of the passes without a profiler, alone or in pairs."""

    schema: int
    run: Run
    profiles: tuple[Profile, ...] = ()
    curves: tuple[MemoryCurve, ...] = ()
    spikes: tuple[SlowUpdates, ...] = ()
    allocations: tuple[AllocationSummary, ...] = ()
    lines: tuple[LineProfile, ...] = ()
    counted: tuple[CaseCounts, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """What could not be profiled, each in a line."""
        return self.run.problems

    def profile(self, case: str) -> Profile | None:
        """The profile of a case, by its id."""
        return next((profile for profile in self.profiles if profile.case.id == case), None)


def save_document(examination: ProfileDocument, folder: Path) -> Path:
    """Write the document into the results folder. Raises StorageProblem."""
    path = folder / f"{examination.run.id}{PROFILE_SUFFIX}"
    files.write_atomically(path, msgspec.json.encode(examination) + b"\n")
    return path


def make_artefact_folder(run: Run, results: Path) -> Path:
    """The folder for the files that belong to an examination; made if it is not there. Raises StorageProblem."""
    path = results / run.id
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise files.build_write_problem(path, error) from error
    return path


def find_document(name: str, folder: Path) -> Path:
    """A saved examination by its path or by its name in the results folder. Raises StorageProblem."""
    for path in (Path(name), folder / name, folder / f"{name}{PROFILE_SUFFIX}"):
        if path.is_file():
            return path
    raise StorageProblem(f"{name}: no such file, and no profile of that name in {folder}")


def is_saved_document(name: str, folder: Path) -> bool:
    """Whether this is a saved examination, or at least the name of such a file."""
    return name.endswith(PROFILE_SUFFIX) or (folder / f"{name}{PROFILE_SUFFIX}").is_file()


def require_free_name(name: str | None, folder: Path) -> None:
    """Raises UsageProblem for a name that is taken: better before the first pass than after the last."""
    if name is not None and (folder / f"{name}{PROFILE_SUFFIX}").exists():
        raise UsageProblem(f"{folder / name}{PROFILE_SUFFIX} already exists", hint="choose a different --save name")


def load_document(path: Path) -> ProfileDocument:
    """A saved examination. Raises StorageProblem for anything else, in one line."""
    try:
        content = path.read_bytes()
        examination = msgspec.json.decode(content, type=ProfileDocument)
    except OSError as error:
        raise StorageProblem(f"{path} cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise StorageProblem(f"{path} is not a profile saved by perfbench: {error}") from error
    if examination.schema > SCHEMA:
        raise StorageProblem(f"{path} was saved by a newer perfbench (schema {examination.schema}): update perfbench")
    return examination


def build_file_stems(examination: ProfileDocument) -> dict[str, str]:
    """A name for the files of each case, by its id: as short as it can be without two of the same."""
    cases = list(dict.fromkeys(measurement.case for measurement in examination.run.measurements))
    places = list(dict.fromkeys(case.environment for case in cases))
    side = dict(zip(places, SIDE_NAMES, strict=False)) if len(places) > 1 else {}
    data = len({case.data for case in cases}) > 1
    found: dict[str, str] = {}
    for case in cases:
        parts = (case.mode, case.data if data else "", side.get(case.environment, ""))
        stem = re.sub(r"[^\w.-]+", "_", "-".join(filter(None, parts)))
        while stem in found.values():
            stem += "_"
        found[case.id] = stem
    return found


def is_same_mode(before: Case, after: Case) -> bool:
    """Whether two cases are one mode in two environments: only then do functions explain their difference.

    The plan pairs more than that: modes of one environment, and different modes that a claim compares.
    """
    return before.mode == after.mode and before.environment != after.environment


def pair_measurements(run: Run) -> tuple[tuple[Measurement, Measurement], ...]:
    """The measurements of every mode before and after; empty for a run of one environment."""
    by_id = {measurement.case.id: measurement for measurement in run.measurements}
    pairs = [(by_id[before], by_id[after]) for before, after in run.duets]
    return tuple((before, after) for before, after in pairs if is_same_mode(before.case, after.case))


def has_pairs(before: Measurement, after: Measurement) -> bool:
    return bool(pair_values(before.samples, after.samples, CPU_SECONDS.name)[0])


def format_case(case: Case) -> str:
    parameters = (f"{name}={value}" for name, value in case.parameters)
    return " ".join(filter(None, (case.scenario, case.mode, case.data, *parameters)))
