"""Specs with needs in, finished environments out: resolved, built four at a time, or taken from the cache."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TypeVar

from perfbench.environments import build, cache, host, interpreters, process, resolve, source_wheels
from perfbench.environments.interpreters import Interpreter
from perfbench.environments.resolve import NEWEST_RECIPE, PUBLISHED_RECIPE, Resolution
from perfbench.environments.source_wheels import SourceWheel
from perfbench.environments.spec import (
    HOST_SPEC,
    EnvironmentSpec,
    GitRepository,
    LocalCheckout,
    ModeNeed,
    parse_need,
    parse_part,
    parse_spec,
)
from perfbench.environments.uv_compile import PinWithoutWheel
from perfbench.environments.uv_errors import IndexUnreachable
from perfbench.errors import EnvironmentProblem
from perfbench.model import Environment

MAX_PARALLEL_BUILDS = 4
"""Environments that are built at the same time."""

Item = TypeVar("Item")
Result = TypeVar("Result")
Observe = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class EnvironmentRequest:
    """One environment that is asked for: a spec, or a configured name of one, and what one mode needs on top.

    A need is written ``betfair-data==0.3.4``, or ``flumine --no-deps`` for the package without its own dependencies.
    Another ``copy`` is another build of the same versions.
    """

    spec: str
    needs: tuple[str, ...] = ()
    copy: int = 0


@dataclass(frozen=True, slots=True)
class _ParsedRequest:
    name: str
    spec: EnvironmentSpec
    needs: tuple[ModeNeed, ...]
    copy: int


@dataclass(frozen=True, slots=True)
class _PreparedSpec:
    """A spec on its Python with its checkouts built: what can be resolved. ``offline`` if a repository could not be asked."""

    spec: EnvironmentSpec
    python: Interpreter
    wheels: tuple[SourceWheel, ...]
    offline: bool = False

    @property
    def packages(self) -> frozenset[str]:
        """The distributions that it names; none for ``here``, which is as it is."""
        if self.spec.is_here:
            return frozenset()
        return frozenset(release.name for release in self.spec.releases) | {wheel.name for wheel in self.wheels}


def provide_environments(
    wanted: Sequence[EnvironmentRequest], names: Mapping[str, str], observe: Callable[[str], None]
) -> list[Environment | EnvironmentProblem]:
    """One answer for each that is wanted, in the same order: a finished environment, or the reason why there is none.

    ``names`` are the configured names of specs. ``observe`` is told in one line what takes time; it is called from several
    threads, but never by two at once. Environments of the same package are built by the same recipe where that is possible.

    Raises UsageProblem for what is no spec.
    """
    asked = [
        _ParsedRequest(
            _format_environment_name(one.spec), parse_spec(one.spec, names), tuple(map(parse_need, one.needs)), one.copy
        )
        for one in wanted
    ]
    guard = threading.Lock()

    def tell(line: str) -> None:
        with guard:
            observe(line)

    missing = list(dict.fromkeys(one for one in asked if not _host_satisfies(one)))
    found = _resolve_specs([one.spec for one in missing], tell)
    built = _run_parallel(lambda one: _build_requested(one, found[one.spec], tell), missing)
    answers = dict(zip(missing, built, strict=True))
    return [answers[one] if one in answers else replace(host.describe_host(), name=one.name) for one in asked]


def _format_environment_name(spec: str) -> str:
    return " ".join(spec.split())


def _run_parallel(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result | EnvironmentProblem]:
    """The result of the work for each item, or the EnvironmentProblem that it ended in."""

    def one(item: Item) -> Result | EnvironmentProblem:
        try:
            return work(item)
        except EnvironmentProblem as problem:
            return problem

    with ThreadPoolExecutor(MAX_PARALLEL_BUILDS) as threads:
        try:
            return list(threads.map(one, items))
        except BaseException:
            process.end_all_processes()
            threads.shutdown(cancel_futures=True)
            raise


# What is resolved --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _CachedResolution:
    """What the cache knows of a resolution: the versions, or why this recipe is impossible. ``day`` is when it was asked."""

    day: str
    resolution: Resolution | None
    refusal: str = ""


def _resolve_specs(
    wanted: Iterable[EnvironmentSpec], tell: Observe
) -> dict[EnvironmentSpec, Resolution | EnvironmentProblem]:
    """What each spec resolves to; as published, but by the recipe of the newest dependencies together with its like."""
    distinct = list(dict.fromkeys(wanted))
    bases = dict(zip(distinct, _run_parallel(lambda spec: _prepare_spec(spec, tell), distinct), strict=True))
    ready = [base for base in bases.values() if isinstance(base, _PreparedSpec)]
    published = _run_parallel(lambda base: _resolve_with_cache(base, PUBLISHED_RECIPE, tell), ready)
    found = dict(zip(ready, published, strict=True))
    relaxed = [base for base in ready if base.packages & _find_packages_needing_newest(found)]
    for base, newest in zip(
        relaxed, _run_parallel(lambda base: _resolve_with_cache(base, NEWEST_RECIPE, tell), relaxed), strict=True
    ):
        if isinstance(newest, Resolution) or isinstance(found[base], PinWithoutWheel):
            found[base] = newest
    return {spec: found[base] if isinstance(base, _PreparedSpec) else base for spec, base in bases.items()}


def _find_packages_needing_newest(found: Mapping[_PreparedSpec, Resolution | EnvironmentProblem]) -> set[str]:
    """Names in the specs that need it, and in those that share a name with one of them, and so on."""
    names: set[str] = set()
    for base, answer in found.items():
        if isinstance(answer, PinWithoutWheel):
            names |= base.packages
    while more := {name for base in found if base.packages & names for name in base.packages} - names:
        names |= more
    return names


def _prepare_spec(spec: EnvironmentSpec, tell: Observe) -> _PreparedSpec:
    if spec.is_here:
        parts = tuple(parse_part(text, HOST_SPEC) for text in host.pin_closure())
        here, python = replace(spec, parts=parts), interpreters.find_running_interpreter()
        return _PreparedSpec(here, python, _build_wheels(here, python, tell))
    python = _choose_interpreter(spec.python)
    try:
        return _PreparedSpec(spec, python, _build_wheels(spec, python, tell))
    except IndexUnreachable:
        folders = replace(spec, parts=tuple(part for part in spec.parts if isinstance(part, LocalCheckout)))
        return _PreparedSpec(spec, python, _build_wheels(folders, python, tell), offline=True)


def _build_wheels(spec: EnvironmentSpec, python: Interpreter, tell: Observe) -> tuple[SourceWheel, ...]:
    sources = [part for part in spec.parts if isinstance(part, LocalCheckout | GitRepository)]
    return tuple(source_wheels.build_wheel(source, python, tell) for source in sources)


def _choose_interpreter(version: str) -> Interpreter:
    """The interpreter for ``3.12`` or ``3.12.1``: the one that runs perfbench if it fits, else the newest that does."""
    running = interpreters.find_running_interpreter()
    if not version or f"{running.version}.".startswith(f"{version}."):
        return running
    key = cache.compute_key("python", version, interpreters.compute_fingerprint())
    if picked := cache.load_note("picked", key, Interpreter):
        return picked
    found = interpreters.find_interpreter(version)
    cache.save_note("picked", key, found)
    return found


def _resolve_with_cache(base: _PreparedSpec, recipe: str, tell: Observe) -> Resolution:
    """From the cache if the spec is pinned, else from the index; from the cache again if that cannot be reached."""
    exact, last = _compute_keys(base, recipe)
    if base.spec.is_pinned and not base.offline and (answer := cache.load_note("resolved", exact, _CachedResolution)):
        return _reuse_resolution(answer, base)
    answer = cache.load_note("resolved", last, _CachedResolution)
    try:
        resolution = _resolve_fresh(base, recipe, retries=0 if answer else 2)
    except PinWithoutWheel as problem:
        cache.save_note("resolved", exact, _CachedResolution(_today(), None, str(problem)))
        tell(f"{base.spec.text}: {problem}; its dependencies are taken in their newest versions")
        raise
    except IndexUnreachable:
        if answer is None or answer.resolution is None or not _has_wheels(answer.resolution):
            raise
        tell(f"{base.spec.text}: the index cannot be reached; taken as it was resolved on {answer.day}")
        return _reuse_resolution(answer, base)
    for remark in resolution.remarks:
        tell(f"{base.spec.text}: {remark}")
    for key in (exact, last):
        cache.save_note("resolved", key, _CachedResolution(_today(), resolution))
    return resolution


def _reuse_resolution(answer: _CachedResolution, base: _PreparedSpec) -> Resolution:
    """The versions that were kept, with the wheels of the checkouts as they are now."""
    if answer.resolution is None:
        raise PinWithoutWheel(answer.refusal)
    return answer.resolution if base.offline else replace(answer.resolution, wheels=base.wheels)


def _has_wheels(resolution: Resolution) -> bool:
    return all(Path(wheel.path).is_file() for wheel in resolution.wheels)


def _resolve_fresh(base: _PreparedSpec, recipe: str, retries: int) -> Resolution:
    if base.offline:
        raise IndexUnreachable(f"the repository of {base.spec.text} cannot be reached")
    if base.spec.is_here:
        return resolve.resolve_exact_versions(base.spec.releases, base.wheels, base.python, retries)
    return resolve.resolve_versions(base.spec.releases, base.wheels, base.python, recipe, retries)


def _compute_keys(base: _PreparedSpec, recipe: str) -> tuple[str, str]:
    """Two names of an answer: one with the content of every source, one with that of folders only, for the lack of a network."""
    parts = [(type(part).__name__, part) for part in base.spec.parts if not isinstance(part, LocalCheckout)]
    contents = [(wheel.digest, wheel.extras) for wheel in base.wheels]
    local = [(w.digest, w.extras) for w in base.wheels if not w.checkout.path.startswith("git+")]
    asked = (base.spec.is_here, parts, base.python, recipe)
    return cache.compute_key("exact", *asked, contents), cache.compute_key("last", *asked, local)


def _today() -> str:
    return datetime.now(timezone.utc).date().isoformat()


# What is built -----------------------------------------------------------------------------------------------------------


def _build_requested(asked: _ParsedRequest, resolution: Resolution | EnvironmentProblem, tell: Observe) -> Environment:
    if isinstance(resolution, EnvironmentProblem):
        raise resolution
    extended = _extend_with_needs(resolution, asked.needs)
    label = " + ".join((asked.spec.text, *(need.release.text for need in asked.needs)))
    built = build.build_environment(extended, key := build.compute_environment_key(extended, asked.copy), label, tell)
    versions = {package.name: package.version for package in built.packages}
    return Environment(
        name=asked.name,
        python=str(cache.locate_python(cache.environment_folder(key))),
        version=built.python.version,
        packages=built.packages,
        demanded=tuple((name, versions[name]) for name in extended.named),
        recipe=extended.recipe,
        sources=tuple(wheel.checkout for wheel in extended.wheels),
    )


def _extend_with_needs(base: Resolution, needs: tuple[ModeNeed, ...]) -> Resolution:
    """With the needs on top; these stay as they were resolved first for the same base."""
    if not needs:
        return base
    texts = [(need.release.text, need.alone) for need in needs]
    key = cache.compute_key("needs", build.compute_environment_key(base, 0), base.relaxed, texts)
    if kept := cache.load_note("resolved", key, Resolution):
        return replace(kept, wheels=base.wheels)
    extended = resolve.extend_resolution(base, needs)
    cache.save_note("resolved", key, extended)
    return extended


def _host_satisfies(asked: _ParsedRequest) -> bool:
    """Whether the interpreter that runs perfbench has all that is asked for."""
    if not asked.spec.is_here:
        return False
    there = {package.name: package.version for package in host.describe_host().packages}
    return all(resolve.is_satisfied(need.release, there) for need in asked.needs)
