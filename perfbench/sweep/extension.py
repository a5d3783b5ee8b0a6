"""What a saved sweep can be extended by: releases or commits that it does not have, and the links to measure for them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from perfbench.environments import git, package_index
from perfbench.environments.package_index import ReleaseInterval
from perfbench.environments.spec import GitRepository, parse_part
from perfbench.errors import NotMeasured, UsageProblem
from perfbench.model import Run
from perfbench.sweep.steps import count_pairs_needed


@dataclass(frozen=True, slots=True)
class SweepExtension:
    """The specs of an extended sweep in order, those of them that are new, and the groups of environments to measure.

    ``last`` is the name of the newest release in the range that was asked for. ``moved``: what is built for specs of commits whose
    checkout lies elsewhere now.
    """

    order: tuple[str, ...]
    added: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    last: str
    moved: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RequestedRange:
    """The releases or commits that a sweep is to be extended by, both ends included; None: after its last one, and the newest.

    ``subject``: the package, or the folder of the checkout, if it was named.
    """

    subject: str | None = None
    first: str | None = None
    last: str | None = None
    every: ReleaseInterval = "release"


def require_extensible(run: Run, name: str) -> None:
    """Raises UsageProblem for a run that is not a sweep over releases or commits, NotMeasured for one that is not finished.

    :param name: of the run as it was typed.
    """
    if not run.settings.links or len(run.settings.environments) != 1:
        raise UsageProblem(f"{name} is not a sweep over releases or commits", hint="measure one: perfbench sweep")
    if not run.finished:
        raise NotMeasured(f"{name} is not finished", hint="finish it with perfbench sweep --resume, then extend it")


def list_requirements(run: Run) -> tuple[str, ...]:
    """The other requirements of every environment of a sweep, such as ``flumine==3.3.2`` and ``python==3.12``."""
    return tuple(run.settings.environments[0][0].split()[1:])


def plan_extension(run: Run, wanted: RequestedRange) -> SweepExtension:
    """The releases or commits of a range that a sweep does not have, and the links that lead to and from them.

    Raises UsageProblem, NotMeasured, EnvironmentProblem if the index or git cannot be asked.
    """
    heads = [spec.split()[0] for spec in run.settings.environments[0]]
    parts = [parse_part(head, head) for head in heads]
    repositories = [part for part in parts if isinstance(part, GitRepository)]
    if len(repositories) == len(heads):
        extended = _extend_commits(run.id, dict(zip(heads, repositories, strict=True)), wanted)
    else:
        extended = _extend_releases(run.id, heads, wanted)
    others = list_requirements(run)
    specs = {head: " ".join((head, *others)) for head in (*extended.order, *extended.moved.values())}
    order = tuple(specs[head] for head in extended.order)
    added = tuple(spec for spec in order if spec not in run.settings.environments[0])
    return SweepExtension(
        order,
        added,
        tuple(_group_links(run, order, set(added))),
        extended.last,
        tuple((specs[old], specs[new]) for old, new in extended.moved.items()),
    )


def choose_rounds(run: Run, extension: SweepExtension) -> int | None:
    """Pairs of each new link: those of the sweep, or more where a step could not be marked among all steps; None: until precise."""
    if run.settings.rounds is None:
        return None
    lines = len({(m.case.mode, m.case.data) for m in run.measurements})
    return max(run.settings.rounds, count_pairs_needed((len(extension.order) - 1) * max(1, lines)))


def _group_links(run: Run, specs: Sequence[str], added: set[str]) -> Iterator[tuple[str, ...]]:
    """Groups of specs of which each, or with an anchor each other, is paired with the one before. Raises NotMeasured.

    A group begins and ends with a release that the sweep has, unless it is at an end. Those that it could not install are passed
    over, as a sweep does.
    """
    unbuilt = {name for name, _ in run.unbuilt}
    groups: list[list[str]] = []
    for before, after in itertools.pairwise(spec for spec in specs if spec not in unbuilt):
        if not {before, after} & added:
            continue
        if groups and groups[-1][-1] == before:
            groups[-1].append(after)
        else:
            groups.append([before, after])
    if added and not groups:
        raise NotMeasured(f"no release of {run.id} could be measured", hint="measure a new sweep")
    anchor = run.settings.anchor
    if not anchor:
        yield from map(tuple, groups)
    elif groups:
        yield (anchor, *(spec for group in groups for spec in group if spec != anchor))


@dataclass(frozen=True, slots=True)
class _Range:
    """The first words of the specs of all releases in order, the last release of the range, and words to build instead."""

    order: Sequence[str]
    last: str
    moved: Mapping[str, str] = field(default_factory=dict)


# Releases ----------------------------------------------------------------------------------------------------------------


def _extend_releases(name: str, heads: Sequence[str], wanted: RequestedRange) -> _Range:
    heads_by_version = {_parse_version(name, head): head for head in heads}
    package = heads[0].partition("==")[0]
    if wanted.subject is not None and _normalize(wanted.subject) != _normalize(package):
        raise UsageProblem(
            f"{name} is a sweep of {package}, not of {wanted.subject}", hint=f"leave it out, or name {package}"
        )
    listed = package_index.list_releases(Requirement(package).name)
    texts = {Version(text): text for text in (*listed, *(head.partition("==")[2] for head in heads))}
    versions = [texts[version] for version in sorted(texts)]
    newest = texts[max(heads_by_version)]
    first = newest if wanted.first is None else package_index.find_release(versions, wanted.first, "--from")
    last = versions[-1] if wanted.last is None else package_index.find_release(versions, wanted.last, "--to")
    if wanted.first is None and versions.index(last) < versions.index(newest):
        raise UsageProblem(f"--to {last}: {name} goes up to {newest}", hint="add older releases with --from as well")
    chosen = (last,) if first == last else package_index.select_releases(versions, first, last, wanted.every)
    every = {**{Version(text): f"{package}=={text}" for text in chosen}, **heads_by_version}
    return _Range([every[version] for version in sorted(every)], last)


def _parse_version(name: str, head: str) -> Version:
    try:
        (clause,) = Requirement(head).specifier
        return Version(clause.version)
    except (InvalidRequirement, InvalidVersion, ValueError):
        raise UsageProblem(f"{name} cannot be extended: {head} is not a release of a package") from None


def _normalize(package: str) -> tuple[str, tuple[str, ...]]:
    """The name of a package and its extras, as they compare. Raises UsageProblem."""
    try:
        requirement = Requirement(package)
    except InvalidRequirement:
        raise UsageProblem(f"{package}: not the name of a package") from None
    return canonicalize_name(requirement.name), tuple(sorted(requirement.extras))


# Commits -----------------------------------------------------------------------------------------------------------------


def _extend_commits(name: str, heads: Mapping[str, GitRepository], wanted: RequestedRange) -> _Range:
    heads_by_commit = {repository.revision: head for head, repository in heads.items()}
    commits, repositories = list(heads_by_commit), list(heads.values())
    folder = Path(wanted.subject) if wanted.subject is not None else _locate_checkout(repositories[-1])
    if not folder.is_dir():
        raise UsageProblem(f"{name} is a sweep over commits, and {folder} is not a folder", hint="name the checkout")
    git.find_top_folder(folder)
    last = wanted.last or "HEAD"
    start, end = (git.resolve_commit(folder, text) for text in (wanted.first or commits[-1], last))
    try:
        chosen = (end,) if start == end else git.list_commits(folder, wanted.first or start, last)
    except UsageProblem as problem:
        if wanted.first is not None:
            raise
        newest = git.shorten_commit(commits[-1])
        cause = f"{newest}, the last commit of {name}, is not among the ancestors of {last} (first parents)"
        raise UsageProblem(cause, hint=problem.hint or "measure a new sweep") from None
    order = _join_lines(commits, chosen)
    if order is None:
        ends = " to ".join(map(git.shorten_commit, (commits[0], commits[-1])))
        raise UsageProblem(
            f"--from {wanted.first} to {last}: not on one line with the commits of {name}",
            hint=f"it has {ends}; name a range that overlaps them",
        )
    here = {commit: git.build_commit_spec(folder, commit) for commit in order}
    moved = {head: here[commit] for commit, head in heads_by_commit.items() if head != here[commit]}
    return _Range([heads_by_commit.get(commit, here[commit]) for commit in order], git.shorten_commit(end), moved)


def _locate_checkout(repository: GitRepository) -> Path:
    """The folder of the checkout that a spec names. Raises UsageProblem if it is not there."""
    folder = git.locate_folder(repository)
    if folder is None or not folder.is_dir():
        raise UsageProblem(
            f"{folder or repository.url}: there is no such checkout here",
            hint="name its folder: perfbench sweep FOLDER",
        )
    return folder


def _join_lines(swept: Sequence[str], chosen: Sequence[str]) -> list[str] | None:
    """Two stretches of one line of commits as one; None if they do not overlap, or are not of one line."""
    for line, other in ((swept, chosen), (chosen, swept)):
        if other[0] in line:
            start = line.index(other[0])
            shared = line[start : start + len(other)]
            if list(shared) != list(other[: len(shared)]):
                return None
            return [*line, *other[len(shared) :]]
    return None
