"""A saved run as the baseline of a gate: search, pinned inputs, and the environment spec to rebuild.

Its seconds are never used: the environment is rebuilt and measured now, in pairs, on this machine.
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
    saved = list(_load_saved_runs(results))
    for commit in git.list_branch_ancestors(folder, name):
        here = [
            run
            for run in saved
            if run.commit == commit and not run.dirty and run.finished and run.settings.gate is None
        ]
        if here:
            return max(here, key=lambda run: run.created)
    raise StorageProblem(
        f"{name}: no run of that name in {results}, and no run of a commit on such a branch",
        hint=f"create one with perfbench run --save {name}",
    )


def _load_saved_runs(results: Path) -> Iterator[Run]:
    for path in sorted(results.glob(DOCUMENT_PATTERN)):
        try:
            yield storage.load_run(path)
        except StorageProblem:
            continue  # not a run, or saved by a newer perfbench


def pin_inputs(run: Run) -> tuple[PinnedInput, ...]:
    """The scenarios and market files of the run; a gate against it measures no others."""
    scenarios = (PinnedInput("scenario", scenario.name, scenario.sha256) for scenario in run.scenarios)
    return (*scenarios, *(PinnedInput("market file", market.name, market.sha256) for market in run.data))


def build_baseline_spec(run: Run, folder: Path) -> str:
    """The spec that rebuilds the environment of the run: its checkout by commit, releases by their versions.

    Raises NotMeasured for a run that is incomplete or failed, or whose environment cannot be rebuilt.
    """
    if not run.finished or run.problems or any(measurement.failures for measurement in run.measurements):
        raise NotMeasured(f"{run.id} cannot serve as a baseline: it is incomplete", hint="measure it again")
    name = run.settings.environments[0][-1] if run.settings.environments else "here"
    environment = next((place for place in run.environments if place.name == name), None)
    measured = [measurement for measurement in run.measurements if measurement.case.environment == name]
    if environment is None or not measured:
        raise NotMeasured(
            f"{run.id} cannot serve as a baseline: its installed packages are unknown", hint="measure it again"
        )
    if environment.sources:
        return _build_checkout_spec(run, environment, folder)
    if name != "here":
        return name
    return _build_package_spec(run, environment, measured)


def _build_checkout_spec(run: Run, environment: Environment, folder: Path) -> str:
    (source, *others) = environment.sources
    if others or source.dirty or not source.commit:
        why = "of several checkouts" if others else "with uncommitted changes" if source.dirty else "outside of git"
        raise NotMeasured(f"{run.id} was measured {why}, which cannot be rebuilt", hint="measure a commit")
    return git.build_commit_spec(git.find_top_folder(folder), source.commit)


def _build_package_spec(run: Run, environment: Environment, measured: list[Measurement]) -> str:
    """Every package that a worker imported, at its version, on that Python."""
    imported = {package.name: package for measurement in measured for package in measurement.packages}
    outside = [package.name for package in imported.values() if not package.file.startswith(PREFIX_PLACEHOLDER)]
    if outside or not imported:
        source = f"{outside[0]} from a folder" if outside else "no package"
        raise NotMeasured(f"{run.id} imported {source}, which cannot be rebuilt", hint="measure it with --env")
    python = ".".join(environment.version.split(".")[:2])
    return " ".join((*(f"{package.name}=={package.version}" for package in imported.values()), f"python=={python}"))
