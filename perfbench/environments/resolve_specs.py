"""Resolve environment specs to exact versions, with a cache of resolutions and a fallback to it without network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TypeVar

from perfbench.environments import cache, host, interpreters, process, resolve, source_wheels
from perfbench.environments.changed_host import HostChange, change_host, resolve_changed_host
from perfbench.environments.interpreters import Interpreter, split_build
from perfbench.environments.resolve import NEWEST_RECIPE, PUBLISHED_RECIPE, Resolution
from perfbench.environments.source_wheels import SourceWheel
from perfbench.environments.spec import (
    HOST_SPEC,
    EnvironmentSpec,
    GitRepository,
    LocalCheckout,
    PackageRequirement,
    parse_part,
)
from perfbench.environments.uv_compile import PinWithoutWheel
from perfbench.environments.uv_errors import IndexUnreachable
from perfbench.errors import EnvironmentProblem
from perfbench.util.activity import doing

MAX_PARALLEL_BUILDS = 4
"""Maximum number of environments that are built at the same time."""

PART_KINDS = {PackageRequirement: "package", GitRepository: "git"}
"""Words for the parts of a spec in cache keys."""

Item = TypeVar("Item")
Result = TypeVar("Result")
Observe = Callable[[str], None]


def run_parallel(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result | EnvironmentProblem]:
    """The result of the work for each item, or its EnvironmentProblem."""

    def catch_problem(item: Item) -> Result | EnvironmentProblem:
        try:
            return work(item)
        except EnvironmentProblem as problem:
            return problem

    with ThreadPoolExecutor(MAX_PARALLEL_BUILDS) as threads:
        try:
            return list(threads.map(catch_problem, items))
        except BaseException:
            process.end_all_processes()
            threads.shutdown(cancel_futures=True)
            raise


@dataclass(frozen=True, slots=True)
class _PreparedSpec:
    """A spec with its Python and the wheels of its checkouts. ``offline`` if a repository could not be reached.

    ``change``: of ``here`` with other packages or on another Python, what is changed; None elsewhere.
    """

    spec: EnvironmentSpec
    python: Interpreter
    wheels: tuple[SourceWheel, ...]
    offline: bool = False
    change: HostChange | None = None

    @property
    def packages(self) -> frozenset[str]:
        """The distributions that it names; none for ``here``, which is not resolved."""
        if self.spec.is_here:
            return frozenset(self.change.named if self.change is not None else ())
        return frozenset(release.name for release in self.spec.releases) | {wheel.name for wheel in self.wheels}


@dataclass(frozen=True, slots=True)
class _CachedResolution:
    """A resolution in the cache: the versions, or why this recipe is impossible. ``day`` is its date."""

    day: str
    resolution: Resolution | None
    refusal: str = ""


def resolve_specs(
    specs: Iterable[EnvironmentSpec], report: Observe
) -> dict[EnvironmentSpec, Resolution | EnvironmentProblem]:
    """Resolve each spec as published; those that need the newest dependencies together with those they are compared with."""
    distinct = list(dict.fromkeys(specs))
    bases = dict(zip(distinct, run_parallel(lambda spec: _prepare_spec(spec, report), distinct), strict=True))
    ready = [base for base in bases.values() if isinstance(base, _PreparedSpec)]
    published = run_parallel(lambda base: _resolve_with_cache(base, PUBLISHED_RECIPE, report), ready)
    results = dict(zip(ready, published, strict=True))
    relaxed = [base for base in ready if base.packages & _find_packages_needing_newest(results)]
    for base, newest in zip(
        relaxed, run_parallel(lambda base: _resolve_with_cache(base, NEWEST_RECIPE, report), relaxed), strict=True
    ):
        if isinstance(newest, Resolution) or isinstance(results[base], PinWithoutWheel):
            results[base] = newest
    return {spec: results[base] if isinstance(base, _PreparedSpec) else base for spec, base in bases.items()}


def _find_packages_needing_newest(results: Mapping[_PreparedSpec, Resolution | EnvironmentProblem]) -> set[str]:
    """Names in the specs that need the newest dependencies, and in those that share a name with them, transitively."""
    names: set[str] = set()
    for base, result in results.items():
        if isinstance(result, PinWithoutWheel):
            names |= base.packages
    while more := {name for base in results if base.packages & names for name in base.packages} - names:
        names |= more
    return names


def _prepare_spec(spec: EnvironmentSpec, report: Observe) -> _PreparedSpec:
    if spec.is_host:
        parts = tuple(parse_part(text, HOST_SPEC) for text in host.pin_closure())
        here, python = replace(spec, parts=parts), interpreters.find_running_interpreter()
        return _PreparedSpec(here, python, _build_wheels(here, python, report))
    python = _choose_interpreter(spec.python)
    try:
        wheels = _build_wheels(spec, python, report)
        if spec.is_here:
            change = change_host(spec, wheels)
            others = _build_wheels(replace(spec, parts=change.list_others(spec)), python, report)
            changed = replace(spec, parts=(*change.parts, *change.kept))
            return _PreparedSpec(changed, python, (*wheels, *others), change=change)
        return _PreparedSpec(spec, python, wheels)
    except IndexUnreachable:
        folders = replace(spec, parts=tuple(part for part in spec.parts if isinstance(part, LocalCheckout)))
        return _PreparedSpec(spec, python, _build_wheels(folders, python, report), offline=True)


def _build_wheels(spec: EnvironmentSpec, python: Interpreter, report: Observe) -> tuple[SourceWheel, ...]:
    sources = [part for part in spec.parts if isinstance(part, LocalCheckout | GitRepository)]
    return tuple(source_wheels.build_wheel(source, python, report) for source in sources)


def _choose_interpreter(version: str) -> Interpreter:
    """The interpreter for ``3.12`` or ``3.14t``: the one that runs perfbench if it matches, else the newest that does."""
    running = interpreters.find_running_interpreter()
    number, build = split_build(version)
    if not version or (build == running.build and f"{running.version}.".startswith(f"{number}.")):
        return running
    key = cache.compute_key("python", version, interpreters.compute_fingerprint())
    if cached := cache.load_note("picked", key, Interpreter):
        return cached
    python = interpreters.find_interpreter(version)
    cache.save_note("picked", key, python)
    return python


def _resolve_with_cache(base: _PreparedSpec, recipe: str, report: Observe) -> Resolution:
    """Resolve from the cache if the spec is pinned, else from the index; without network from the last resolution."""
    exact, last = _compute_keys(base, recipe)
    if base.spec.is_pinned and not base.offline and (cached := cache.load_note("resolved", exact, _CachedResolution)):
        return _reuse_resolution(cached, base)
    cached = cache.load_note("resolved", last, _CachedResolution)
    try:
        with doing(f"resolving {base.spec.text}"):
            resolution = _resolve_fresh(base, recipe, retries=0 if cached else 2)
    except PinWithoutWheel as problem:
        cache.save_note("resolved", exact, _CachedResolution(_today(), None, str(problem)))
        report(f"{base.spec.text}: {problem}; using the newest versions of its dependencies")
        raise
    except IndexUnreachable:
        if cached is None or cached.resolution is None or not _has_wheels(cached.resolution):
            raise
        report(f"{base.spec.text}: the index cannot be reached; using the resolution of {cached.day}")
        return _reuse_resolution(cached, base)
    for note in resolution.notes:
        report(f"{base.spec.text}: {note}")
    for key in (exact, last):
        cache.save_note("resolved", key, _CachedResolution(_today(), resolution))
    return resolution


def _reuse_resolution(cached: _CachedResolution, base: _PreparedSpec) -> Resolution:
    """The cached versions, with the current wheels of the checkouts."""
    if cached.resolution is None:
        raise PinWithoutWheel(cached.refusal)
    return cached.resolution if base.offline else replace(cached.resolution, wheels=base.wheels)


def _has_wheels(resolution: Resolution) -> bool:
    return all(Path(wheel.path).is_file() for wheel in resolution.wheels)


def _resolve_fresh(base: _PreparedSpec, recipe: str, retries: int) -> Resolution:
    if base.offline:
        raise IndexUnreachable(f"the repository of {base.spec.text} cannot be reached")
    if base.change is not None:
        return resolve_changed_host(base.change, base.spec.releases, base.wheels, base.python, recipe, retries)
    if base.spec.is_here:
        return resolve.resolve_exact_versions(base.spec.releases, base.wheels, base.python, retries)
    return resolve.resolve_versions(base.spec.releases, base.wheels, base.python, recipe, retries)


def _compute_keys(base: _PreparedSpec, recipe: str) -> tuple[str, str]:
    """Two cache keys of a resolution: one with the content of every source, one with that of folders only, for use offline."""
    parts = [(PART_KINDS[type(part)], part) for part in base.spec.parts if not isinstance(part, LocalCheckout)]
    contents = [(wheel.digest, wheel.extras) for wheel in base.wheels]
    local = [(w.digest, w.extras) for w in base.wheels if not w.checkout.path.startswith("git+")]
    kind: bool | str = "changed" if base.change is not None else base.spec.is_here
    common = (kind, parts, base.python.key, recipe)
    return cache.compute_key("exact", *common, contents), cache.compute_key("last", *common, local)


def _today() -> str:
    return datetime.now(timezone.utc).date().isoformat()
