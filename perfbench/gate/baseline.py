"""A saved run as the standard of a gate: which run, what must be as it was then, and how its environment is made again.

Its seconds are never used: the environment is built anew and measured now, in pairs, on this machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from perfbench.environments import git
from perfbench.errors import NotMeasured, StorageProblem
from perfbench.model import Environment, Measurement, PinnedInput, Run
from perfbench.results import storage
from perfbench.results.document import RUNS
from perfbench.runner.imported_versions import PREFIX_PLACEHOLDER

DOCUMENT_PATTERN = f"*{RUNS.suffix}"


def find_baseline(name: str, results: Path, folder: Path) -> Run:
    """A saved run by its path or name; else, for a branch, the newest run on the commits below the merge base with it.

    :param folder: the checkout that the user works in. Raises StorageProblem if there is none.
    """
    try:
        return storage.load_run(RUNS.find(name, results))
    except StorageProblem:
        if RUNS.is_saved(name, results):
            raise
    kept = list(_load_saved_runs(results))
    for commit in git.list_branch_ancestors(folder, name):
        here = [
            run for run in kept if run.commit == commit and not run.dirty and run.finished and run.settings.gate is None
        ]
        if here:
            return max(here, key=lambda run: run.created)
    raise StorageProblem(
        f"{name}: no run of that name in {results}, and none of a commit below such a branch;"
        f" make one with perfbench run --save {name}"
    )


def _load_saved_runs(results: Path) -> Iterator[Run]:
    for path in sorted(results.glob(DOCUMENT_PATTERN)):
        try:
            yield storage.load_run(path)
        except StorageProblem:
            continue  # not a run of ours, or of a newer perfbench: no candidate


def pin_inputs(run: Run) -> tuple[PinnedInput, ...]:
    """The scenarios and the market files of the run, of which alone a gate may measure."""
    scenarios = (PinnedInput("scenario", scenario.name, scenario.sha256) for scenario in run.scenarios)
    return (*scenarios, *(PinnedInput("market file", market.name, market.sha256) for market in run.data))


def build_baseline_spec(run: Run, folder: Path) -> str:
    """How the environment of the run is written, so that it is built again: its checkout by commit, releases by their versions.

    Raises NotMeasured for a run that did not finish, that failed, or whose environment cannot be made again.
    """
    if not run.finished or run.problems or any(measurement.failures for measurement in run.measurements):
        raise NotMeasured(f"{run.id} is no baseline: not everything in it was measured; run it again")
    name = run.settings.environments[0][-1] if run.settings.environments else "here"
    place = next((place for place in run.environments if place.name == name), None)
    measured = [measurement for measurement in run.measurements if measurement.case.environment == name]
    if place is None or not measured:
        raise NotMeasured(f"{run.id} is no baseline: it does not say what was installed; run it again")
    if place.sources:
        return _build_checkout_spec(run, place, folder)
    if name != "here":
        return name
    return _build_package_spec(run, place, measured)


def _build_checkout_spec(run: Run, place: Environment, folder: Path) -> str:
    (source, *others) = place.sources
    if others or source.dirty or not source.commit:
        why = "of several checkouts" if others else "with uncommitted changes" if source.dirty else "outside of git"
        raise NotMeasured(f"{run.id} was measured {why}, which cannot be built again: measure a commit")
    return git.build_commit_spec(git.find_top_folder(folder), source.commit)


def _build_package_spec(run: Run, place: Environment, measured: list[Measurement]) -> str:
    """Every package that a worker imported, at its version, on that Python."""
    imported = {package.name: package for measurement in measured for package in measurement.packages}
    outside = [package.name for package in imported.values() if not package.file.startswith(PREFIX_PLACEHOLDER)]
    if outside or not imported:
        what = f"{outside[0]} from a folder" if outside else "no package"
        raise NotMeasured(f"{run.id} imported {what}, which cannot be built again: measure it by --env")
    python = ".".join(place.version.split(".")[:2])
    return " ".join((*(f"{package.name}=={package.version}" for package in imported.values()), f"python=={python}"))
