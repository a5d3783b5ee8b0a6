"""A saved examination: a run of passes without a profiler, and beside it what profilers found."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import msgspec

from perfbench import formatting, pairing, statistics, storage, unpaired
from perfbench.allocations import Allocations, Lines
from perfbench.blaming import Blame, blame
from perfbench.curves import Curve
from perfbench.errors import NotMeasured, StorageProblem, UsageProblem
from perfbench.function_counts import FunctionCounts
from perfbench.levelling import Difference
from perfbench.model import CPU_SECONDS, SCHEMA, Case, Measurement, Run
from perfbench.profiles import Profile
from perfbench.spikes import Spikes

SUFFIX = ".profile.json"

CONFIDENCE = 0.95
SIDES = ("before", "after")


@dataclass(frozen=True, slots=True)
class Counted:
    """The instructions of a case by function, under one seed of string hashes."""

    case: Case
    seed: int
    counts: FunctionCounts


@dataclass(frozen=True, slots=True)
class Examination:
    """The saved document. Its ``run`` has the samples of the passes without a profiler, alone or in pairs."""

    schema: int
    run: Run
    profiles: tuple[Profile, ...] = ()
    curves: tuple[Curve, ...] = ()
    spikes: tuple[Spikes, ...] = ()
    allocations: tuple[Allocations, ...] = ()
    lines: tuple[Lines, ...] = ()
    counted: tuple[Counted, ...] = ()

    @property
    def problems(self) -> tuple[str, ...]:
        """What could not be profiled, each in a line."""
        return self.run.problems

    def profile(self, case: str) -> Profile | None:
        """The profile of a case, by its id."""
        return next((profile for profile in self.profiles if profile.case.id == case), None)


@dataclass(frozen=True, slots=True)
class Blamed:
    """Two profiles of one mode, and what made their difference."""

    before: Profile
    after: Profile
    blame: Blame


def save(examination: Examination, folder: Path) -> Path:
    """Write the document into the results folder. Raises StorageProblem."""
    path = folder / f"{examination.run.id}{SUFFIX}"
    storage.write_atomically(path, msgspec.json.encode(examination) + b"\n")
    return path


def folder(run: Run, results: Path) -> Path:
    """The folder for the files that belong to an examination; made if it is not there. Raises StorageProblem."""
    path = results / run.id
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage.unwritable(path, error) from error
    return path


def find(name: str, folder: Path) -> Path:
    """A saved examination by its path or by its name in the results folder. Raises StorageProblem."""
    for path in (Path(name), folder / name, folder / f"{name}{SUFFIX}"):
        if path.is_file():
            return path
    raise StorageProblem(f"{name}: no such file, and no profile of that name in {folder}")


def is_saved(name: str, folder: Path) -> bool:
    """Whether this is a saved examination, or at least the name of such a file."""
    return name.endswith(SUFFIX) or (folder / f"{name}{SUFFIX}").is_file()


def demand_free(name: str | None, folder: Path) -> None:
    """Raises UsageProblem for a name that is taken: better before the first pass than after the last."""
    if name is not None and (folder / f"{name}{SUFFIX}").exists():
        raise UsageProblem(f"{folder / name}{SUFFIX} already exists", hint="choose a different --save name")


def load(path: Path) -> Examination:
    """A saved examination. Raises StorageProblem for anything else, in one line."""
    try:
        content = path.read_bytes()
        examination = msgspec.json.decode(content, type=Examination)
    except OSError as error:
        raise StorageProblem(f"{path} cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise StorageProblem(f"{path} is not a profile saved by perfbench: {error}") from error
    if examination.schema > SCHEMA:
        raise StorageProblem(f"{path} was saved by a newer perfbench (schema {examination.schema}): update perfbench")
    return examination


def stems(examination: Examination) -> dict[str, str]:
    """A name for the files of each case, by its id: as short as it can be without two of the same."""
    cases = list(dict.fromkeys(measurement.case for measurement in examination.run.measurements))
    places = list(dict.fromkeys(case.environment for case in cases))
    side = dict(zip(places, SIDES, strict=False)) if len(places) > 1 else {}
    data = len({case.data for case in cases}) > 1
    found: dict[str, str] = {}
    for case in cases:
        parts = (case.mode, case.data if data else "", side.get(case.environment, ""))
        stem = re.sub(r"[^\w.-]+", "_", "-".join(filter(None, parts)))
        while stem in found.values():
            stem += "_"
        found[case.id] = stem
    return found


def are_sides(before: Case, after: Case) -> bool:
    """Whether two cases are one mode in two environments: only then do functions explain their difference.

    The plan pairs more than that: modes of one environment, and different modes that a claim compares.
    """
    return before.mode == after.mode and before.environment != after.environment


def comparisons(run: Run) -> tuple[tuple[Measurement, Measurement], ...]:
    """The measurements of every mode before and after; empty for a run of one environment."""
    by_id = {measurement.case.id: measurement for measurement in run.measurements}
    pairs = [(by_id[before], by_id[after]) for before, after in run.duets]
    return tuple((before, after) for before, after in pairs if are_sides(before.case, after.case))


def blames(examination: Examination) -> tuple[Blamed, ...]:
    """The functions behind the difference of every mode that was profiled and measured in pairs on both sides."""
    blamed = []
    for first, second in comparisons(examination.run):
        before, after = examination.profile(first.case.id), examination.profile(second.case.id)
        if before is not None and after is not None and _have_pairs(first, second):
            blamed.append(Blamed(before, after, blame(before, after, difference(first, second))))
    return tuple(blamed)


def _have_pairs(before: Measurement, after: Measurement) -> bool:
    return bool(pairing.paired_seconds(before.samples, after.samples, CPU_SECONDS.name)[0])


def difference(before: Measurement, after: Measurement) -> Difference:
    """The CPU seconds of both sides of pairs, and how sure their difference is. Raises NotMeasured without a pair."""
    firsts, _ = pairing.paired_seconds(before.samples, after.samples, CPU_SECONDS.name)
    if not firsts:
        raise NotMeasured(f"no pair of {before.case.id} and {after.case.id} was measured")
    logs = pairing.log_ratios(before.samples, after.samples, CPU_SECONDS.name)
    first = median(firsts)
    ratio = math.exp(statistics.hodges_lehmann(logs))
    low, high = -math.inf, math.inf
    if len(logs) >= statistics.minimum_pairs(CONFIDENCE):
        low, high = (first * math.expm1(end) for end in statistics.signed_rank_interval(logs, CONFIDENCE))
    return Difference(first, first * ratio, low, high)


def unpaired_difference(before: Profile, after: Profile) -> Difference:
    """The difference of two saved profiles, whose passes were not measured at the same time."""
    ratio, low, high = unpaired.shift_interval(before.unprofiled, after.unprofiled, CONFIDENCE)
    first = before.seconds
    return Difference(first, first * ratio, first * (low - 1), first * (high - 1), paired=False)


def side_by_side(before: Examination, after: Examination) -> tuple[tuple[Blamed, ...], tuple[str, ...]]:
    """The same modes of two saved examinations, and a line for every profile that only one of them has.

    Raises NotMeasured where nothing can be compared, or the data is not the same.
    """
    markets = [{market.name: market.sha256 for market in one.run.data} for one in (before, after)]
    blamed = []
    for first, second in itertools.product(before.profiles, after.profiles):
        if _place(first.case) != _place(second.case):
            continue
        name = first.case.data
        if markets[0].get(name) != markets[1].get(name) or first.work != second.work:
            raise NotMeasured(
                f"the profiles are not of the same data: {name} is another file, or another amount of work"
            )
        blamed.append(Blamed(first, second, blame(first, second, unpaired_difference(first, second))))
    first_names, second_names = ([_name(profile.case) for profile in one.profiles] for one in (before, after))
    if not blamed:
        theirs = [", ".join(sorted(set(names))) for names in (first_names, second_names)]
        raise NotMeasured(f"the profiles are not of the same data and mode: {theirs[0]} before, {theirs[1]} after")
    alone = [f"only {before.run.id} has a profile of {name}" for name in first_names if name not in second_names]
    alone += [f"only {after.run.id} has a profile of {name}" for name in second_names if name not in first_names]
    return tuple(blamed), tuple(alone)


def _place(case: Case) -> Case:
    return replace(case, environment="")


def _name(case: Case) -> str:
    parameters = (f"{name}={value}" for name, value in case.parameters)
    return " ".join(filter(None, (case.scenario, case.mode, case.data, *parameters)))


def misgivings(profiles: Sequence[Profile]) -> tuple[str, ...]:
    """Reasons to trust a profile less, or a comparison of two of them, each in a line."""
    found = []
    for profile in profiles:
        name = profile.case.id
        samples = sum(one.samples for one in profile.passes)
        if samples < FEWEST_SAMPLES:
            found.append(
                f"{name}: only {formatting.plural(samples, 'sample')}: too few to tell more than the largest share"
            )
        wall, cpu = (sum(getattr(one, kind) for one in profile.passes) for kind in ("wall_seconds", "cpu_seconds"))
        if profile.profiler not in PAUSING and cpu > 0 and wall / cpu > BUSY:
            found.append(f"{name}: the machine was busy: profiled passes took {wall / cpu:.2f} times their CPU seconds")
        capped = sum(one.capped for one in profile.passes)
        if capped > LOST * wall:
            found.append(
                f"{name}: {capped / wall:.0%} of the samples' seconds were lost to other processes and left out"
            )
    pythons = list(dict.fromkeys(profile.python for profile in profiles))
    if len(pythons) > 1:
        found.append(f"not the same Python on each side ({' and '.join(pythons)}): functions may differ by that alone")
    profilers = list(dict.fromkeys(profile.profiler for profile in profiles))
    if len(profilers) > 1:
        found.append(f"not the same profiler on each side ({' and '.join(profilers)})")
    return tuple(found)


FEWEST_SAMPLES = 200
BUSY = 1.1
"""Wall over CPU seconds of a pass that one thread makes: above it, the wall time is not the program's."""
PAUSING = ("pyspy",)
"""Profilers that hold the process while they look at it: its wall seconds say nothing of the machine."""
LOST = 0.05
