"""The saved profile document and the files that belong to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from perfbench.model import CPU_SECONDS, Case, Measurement, Run
from perfbench.profiling.instructions.functions import FunctionCounts
from perfbench.profiling.memory.curve import MemoryCurve
from perfbench.profiling.memory.model import AllocationSummary, LineProfile
from perfbench.profiling.model import Profile
from perfbench.profiling.slow_updates import SlowUpdates
from perfbench.results.store import DocumentStore
from perfbench.stats.pairs import pair_values
from perfbench.util import files

SIDE_NAMES = ("before", "after")


@dataclass(frozen=True, slots=True)
class CaseCounts:
    """The instructions of a case by function, under one seed of string hashes."""

    case: Case
    seed: int
    counts: FunctionCounts


@dataclass(frozen=True, slots=True)
class ProfileDocument:
    """The saved document. Its ``run`` holds the samples of passes without a profiler, single or in pairs."""

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
        """The reasons, a line each, why something was not profiled."""
        return self.run.problems

    def profile(self, case: str) -> Profile | None:
        """The profile of a case, by its id."""
        return next((profile for profile in self.profiles if profile.case.id == case), None)


PROFILES = DocumentStore(".profile.json", ProfileDocument, "profile")
"""Saved profiles. Their journals have names of their own."""


def make_artefact_folder(run: Run, results: Path) -> Path:
    """Create the folder for the files of a profile, unless it exists. Raises StorageProblem."""
    path = results / run.id
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise files.build_write_problem(path, error) from error
    return path


def build_file_stems(document: ProfileDocument) -> dict[str, str]:
    """A unique file stem for each case, by its id, as short as possible."""
    cases = list(dict.fromkeys(measurement.case for measurement in document.run.measurements))
    environments = list(dict.fromkeys(case.environment for case in cases))
    side = dict(zip(environments, SIDE_NAMES, strict=False)) if len(environments) > 1 else {}
    data = len({case.data for case in cases}) > 1
    stems: dict[str, str] = {}
    for case in cases:
        parts = (case.mode, case.data if data else "", side.get(case.environment, ""))
        stem = re.sub(r"[^\w.-]+", "_", "-".join(filter(None, parts)))
        while stem in stems.values():
            stem += "_"
        stems[case.id] = stem
    return stems


def is_same_mode(before: Case, after: Case) -> bool:
    """Whether two cases are one mode in two environments: only then functions explain their difference.

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
