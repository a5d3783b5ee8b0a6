"""A saved run as the baseline of a gate: search, pinned inputs, and the environment spec to rebuild.

Its seconds are never used: the environment is rebuilt and measured now, in pairs, on this machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from perfbench.environments import git
from perfbench.environments.git_command import find_commit, is_in_git
from perfbench.environments.interpreters import PYPY
from perfbench.environments.spec import (
    HOST_SPEC,
    EnvironmentSpec,
    GitRepository,
    LocalCheckout,
    PackageRequirement,
    format_repository,
    parse_spec,
)
from perfbench.errors import NotMeasured, StorageProblem
from perfbench.model import Environment, Measurement, PinnedInput, Run, Settings
from perfbench.results import storage
from perfbench.results.document import RUNS
from perfbench.runner.imported_versions import PREFIX_PLACEHOLDER

DOCUMENT_PATTERN = f"*{RUNS.suffix}"


def find_baseline(name: str, folders: Sequence[Path], checkout: Path) -> Run:
    """A saved run by its path or name; else, for a branch, the newest run on the commits below the merge base with it.

    :param folders: folders of saved runs, searched in this order. :param checkout: the folder that the user works in.

    Raises StorageProblem if there is none, EnvironmentProblem if git fails.
    """
    for folder in folders:
        try:
            return storage.load_run(RUNS.find(name, folder))
        except StorageProblem:
            if RUNS.is_saved(name, folder):
                raise
    ancestors = git.list_branch_ancestors(checkout, name)
    for folder in folders:
        if run := _find_newest(list(_load_saved_runs(folder)), ancestors):
            return run
    raise _build_missing_problem(name, folders, checkout)


def _find_newest(saved: Sequence[Run], commits: Sequence[str]) -> Run | None:
    """The newest whole run of the first commit that has one, without modified files."""
    for commit in commits:
        here = [
            run
            for run in saved
            if run.commit == commit and not run.dirty and run.finished and run.settings.gate is None
        ]
        if here:
            return max(here, key=lambda run: run.created)
    return None


def _build_missing_problem(name: str, folders: Sequence[Path], checkout: Path) -> StorageProblem:
    cause = f"{name}: no run of that name in {' or '.join(map(str, folders))}, and no run of a commit on such a branch"
    if remedy := git.explain_shallow(checkout):
        return StorageProblem(f"{cause} in this shallow clone", hint=remedy)
    return StorageProblem(cause, hint=f"create one with perfbench run --save {name}")


def _load_saved_runs(results: Path) -> Iterator[Run]:
    for path in sorted(results.glob(DOCUMENT_PATTERN)):
        try:
            yield storage.load_run(path)
        except StorageProblem:
            continue  # not a run, or saved by a newer perfbench


def choose_title(name: str, spec: str, settings: Settings) -> str:
    """The name of the rebuilt environment: that of the baseline as given, or of its file.

    The spec itself if the name means something else already: the environment to check, or a configured name.
    """
    title = " ".join(name.split())
    if Path(name).is_file():
        title = next(
            (Path(name).name.removesuffix(end) for end in RUNS.suffixes if name.endswith(end)), Path(name).stem
        )
    taken = {HOST_SPEC, "", *(configured for configured, _ in settings.names), *settings.environments[0]}
    return spec if title in taken else title


def pin_inputs(run: Run) -> tuple[PinnedInput, ...]:
    """The scenarios and market files of the run, or the listing of its corpus; a gate against it measures no others."""
    scenarios = (PinnedInput("scenario", scenario.name, scenario.sha256) for scenario in run.scenarios)
    if run.corpus is not None:
        return (*scenarios, PinnedInput("market file", run.corpus.name, run.corpus.digest))
    return (*scenarios, *(PinnedInput("market file", market.name, market.sha256) for market in run.data))


def build_baseline_spec(run: Run, folder: Path) -> str:
    """The spec that rebuilds the environment of the run: its checkout by commit, releases by their versions.

    Raises NotMeasured for a run that is incomplete or failed, or whose environment cannot be rebuilt.
    """
    if not run.finished or run.problems or any(measurement.failures for measurement in run.measurements):
        raise NotMeasured(f"{run.id} cannot serve as a baseline: it is incomplete", hint="measure it again")
    name = run.settings.environments[0][-1] if run.settings.environments else HOST_SPEC
    environment = next((place for place in run.environments if place.name == name), None)
    measured = [measurement for measurement in run.measurements if measurement.case.environment == name]
    if environment is None or not measured:
        raise NotMeasured(
            f"{run.id} cannot serve as a baseline: its installed packages are unknown", hint="measure it again"
        )
    spec = parse_spec(name, dict(run.settings.names))
    if not spec.is_here:
        return _pin_spec(run, spec, environment, folder)
    rebuilt = (
        git.build_commit_spec(git.find_top_folder(folder), _require_commit(run, environment))
        if environment.sources
        else _build_package_spec(run, environment, measured)
    )
    return " ".join((rebuilt, *spec.settings.words))


def _pin_spec(run: Run, spec: EnvironmentSpec, environment: Environment, folder: Path) -> str:
    """The spec of the run with the versions and the commit that were measured."""
    versions = {package.name: package.version for package in environment.packages}
    words = []
    for part in spec.parts:
        if isinstance(part, PackageRequirement):
            extras = f"[{','.join(part.extras)}]" if part.extras else ""
            is_exact = part.pin or part.name not in versions
            words.append(part.text if is_exact else f"{part.name}{extras}=={versions[part.name]}")
        else:
            (name, _), *_ = (*environment.named_packages[len(spec.releases) :], ("", ""))
            words.append(_pin_source(part, name, _require_commit(run, environment), folder))
    return " ".join((*words, *([f"python=={spec.python}"] if spec.python else ()), *spec.settings.words))


def _pin_source(part: LocalCheckout | GitRepository, name: str, commit: str, folder: Path) -> str:
    """A checkout or repository at a commit; a checkout that is no longer there is sought in the folder of the user."""
    if isinstance(part, GitRepository):
        return format_repository(GitRepository(part.url, commit, part.subdirectory, part.extras), name)
    checkout = (folder / os.path.expanduser(part.path)).resolve()
    if not (checkout.is_dir() and is_in_git(checkout) and find_commit(checkout, commit, part.path)):
        checkout = git.find_top_folder(folder)
    return format_repository(git.locate_commit(checkout, commit, part.extras), name)


def _require_commit(run: Run, environment: Environment) -> str:
    (source, *others) = environment.sources or (None,)
    if source is None or others or source.dirty or not source.commit:
        why = "outside of git"
        if source is not None and (others or source.dirty):
            why = "of several checkouts" if others else "with uncommitted changes"
        raise NotMeasured(f"{run.id} was measured {why}, which cannot be rebuilt", hint="measure a commit")
    return source.commit


def _build_package_spec(run: Run, environment: Environment, measured: list[Measurement]) -> str:
    """Every package that a worker imported, at its version, on that Python."""
    imported = {package.name: package for measurement in measured for package in measurement.packages}
    outside = [package.name for package in imported.values() if not package.file.startswith(PREFIX_PLACEHOLDER)]
    if outside or not imported:
        source = f"{outside[0]} from a folder" if outside else "no package"
        raise NotMeasured(f"{run.id} imported {source}, which cannot be rebuilt", hint="measure it with --env")
    line = ".".join(environment.version.split(".")[:2])
    python = f"pypy{line}" if environment.build == PYPY else f"{line}{environment.build}"
    return " ".join((*(f"{package.name}=={package.version}" for package in imported.values()), f"python=={python}"))
