"""Specs with needs in, finished environments out: resolved, built four at a time, or taken from the cache."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TypeVar

from perfbench.environments import building, installed, interpreters, keeping, resolving, snapshots, specs, uv
from perfbench.environments.asking import NeedsNewest
from perfbench.environments.interpreters import Interpreter
from perfbench.environments.reasons import Unreachable
from perfbench.environments.resolving import AS_PUBLISHED, NEWEST, Resolution
from perfbench.environments.snapshots import Wheel
from perfbench.environments.specs import Folder, Need, Repository, Spec
from perfbench.errors import EnvironmentProblem
from perfbench.model import Environment

TOGETHER = 4
"""Environments that are built at the same time."""

Item = TypeVar("Item")
Result = TypeVar("Result")
Observe = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One environment that is asked for: a spec, or a configured name of one, and what one mode needs on top.

    A need is written ``betfair-data==0.3.4``, or ``flumine --no-deps`` for the package without its own dependencies.
    Another ``copy`` is another build of the same versions.
    """

    spec: str
    needs: tuple[str, ...] = ()
    copy: int = 0


@dataclass(frozen=True, slots=True)
class _Asked:
    name: str
    spec: Spec
    needs: tuple[Need, ...]
    copy: int


@dataclass(frozen=True, slots=True)
class _Base:
    """A spec on its Python with its checkouts built: what can be resolved. ``offline`` if a repository could not be asked."""

    spec: Spec
    python: Interpreter
    wheels: tuple[Wheel, ...]
    offline: bool = False

    @property
    def packages(self) -> frozenset[str]:
        """The distributions that it names; none for ``here``, which is as it is."""
        if self.spec.is_here:
            return frozenset()
        return frozenset(release.name for release in self.spec.releases) | {wheel.name for wheel in self.wheels}


def provide(
    wanted: Sequence[Wanted], names: Mapping[str, str], observe: Callable[[str], None]
) -> list[Environment | EnvironmentProblem]:
    """One answer for each that is wanted, in the same order: a finished environment, or the reason why there is none.

    ``names`` are the configured names of specs. ``observe`` is told in one line what takes time; it is called from several
    threads, but never by two at once. Environments of the same package are built by the same recipe where that is possible.

    Raises UsageProblem for what is no spec.
    """
    asked = [
        _Asked(_name(one.spec), specs.parse(one.spec, names), tuple(map(specs.need, one.needs)), one.copy)
        for one in wanted
    ]
    guard = threading.Lock()

    def tell(line: str) -> None:
        with guard:
            observe(line)

    missing = list(dict.fromkeys(one for one in asked if not _is_here(one)))
    found = _resolutions([one.spec for one in missing], tell)
    built = _together(lambda one: _finished(one, found[one.spec], tell), missing)
    answers = dict(zip(missing, built, strict=True))
    return [answers[one] if one in answers else replace(installed.here(), name=one.name) for one in asked]


def _name(spec: str) -> str:
    return " ".join(spec.split())


def _together(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result | EnvironmentProblem]:
    """The result of the work for each item, or the EnvironmentProblem that it ended in."""

    def one(item: Item) -> Result | EnvironmentProblem:
        try:
            return work(item)
        except EnvironmentProblem as problem:
            return problem

    with ThreadPoolExecutor(TOGETHER) as threads:
        try:
            return list(threads.map(one, items))
        except BaseException:
            uv.end_all()
            threads.shutdown(cancel_futures=True)
            raise


# What is resolved --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the cache knows of a resolution: the versions, or why this recipe is impossible. ``day`` is when it was asked."""

    day: str
    resolution: Resolution | None
    refusal: str = ""


def _resolutions(wanted: Iterable[Spec], tell: Observe) -> dict[Spec, Resolution | EnvironmentProblem]:
    """What each spec resolves to; as published, but by the recipe of the newest dependencies together with its like."""
    distinct = list(dict.fromkeys(wanted))
    bases = dict(zip(distinct, _together(lambda spec: _prepared(spec, tell), distinct), strict=True))
    ready = [base for base in bases.values() if isinstance(base, _Base)]
    published = _together(lambda base: _resolved(base, AS_PUBLISHED, tell), ready)
    found = dict(zip(ready, published, strict=True))
    relaxed = [base for base in ready if base.packages & _packages_that_need_newest(found)]
    for base, newest in zip(relaxed, _together(lambda base: _resolved(base, NEWEST, tell), relaxed), strict=True):
        if isinstance(newest, Resolution) or isinstance(found[base], NeedsNewest):
            found[base] = newest
    return {spec: found[base] if isinstance(base, _Base) else base for spec, base in bases.items()}


def _packages_that_need_newest(found: Mapping[_Base, Resolution | EnvironmentProblem]) -> set[str]:
    """Names in the specs that need it, and in those that share a name with one of them, and so on."""
    names: set[str] = set()
    for base, answer in found.items():
        if isinstance(answer, NeedsNewest):
            names |= base.packages
    while more := {name for base in found if base.packages & names for name in base.packages} - names:
        names |= more
    return names


def _prepared(spec: Spec, tell: Observe) -> _Base:
    if spec.is_here:
        parts = tuple(specs.part(text, specs.HERE) for text in installed.closure())
        here, python = replace(spec, parts=parts), interpreters.running()
        return _Base(here, python, _wheels(here, python, tell))
    python = _python(spec.python)
    try:
        return _Base(spec, python, _wheels(spec, python, tell))
    except Unreachable:
        folders = replace(spec, parts=tuple(part for part in spec.parts if isinstance(part, Folder)))
        return _Base(spec, python, _wheels(folders, python, tell), offline=True)


def _wheels(spec: Spec, python: Interpreter, tell: Observe) -> tuple[Wheel, ...]:
    sources = [part for part in spec.parts if isinstance(part, Folder | Repository)]
    return tuple(snapshots.wheel_of(source, python, tell) for source in sources)


def _python(version: str) -> Interpreter:
    """The interpreter for ``3.12`` or ``3.12.1``: the one that runs perfbench if it fits, else the newest that does."""
    running = interpreters.running()
    if not version or f"{running.version}.".startswith(f"{version}."):
        return running
    key = keeping.key_of("python", version, interpreters.fingerprint())
    if picked := keeping.recall("picked", key, Interpreter):
        return picked
    found = interpreters.find(version)
    keeping.note("picked", key, found)
    return found


def _resolved(base: _Base, recipe: str, tell: Observe) -> Resolution:
    """From the cache if the spec is pinned, else from the index; from the cache again if that cannot be reached."""
    exact, last = _keys(base, recipe)
    if base.spec.is_pinned and not base.offline and (answer := keeping.recall("resolved", exact, _Answer)):
        return _taken(answer, base)
    answer = keeping.recall("resolved", last, _Answer)
    try:
        resolution = _resolved_anew(base, recipe, retries=0 if answer else 2)
    except NeedsNewest as problem:
        keeping.note("resolved", exact, _Answer(_today(), None, str(problem)))
        tell(f"{base.spec.text}: {problem}; its dependencies are taken in their newest versions")
        raise
    except Unreachable:
        if answer is None or answer.resolution is None or not _has_wheels(answer.resolution):
            raise
        tell(f"{base.spec.text}: the index cannot be reached; taken as it was resolved on {answer.day}")
        return _taken(answer, base)
    for remark in resolution.remarks:
        tell(f"{base.spec.text}: {remark}")
    for key in (exact, last):
        keeping.note("resolved", key, _Answer(_today(), resolution))
    return resolution


def _taken(answer: _Answer, base: _Base) -> Resolution:
    """The versions that were kept, with the wheels of the checkouts as they are now."""
    if answer.resolution is None:
        raise NeedsNewest(answer.refusal)
    return answer.resolution if base.offline else replace(answer.resolution, wheels=base.wheels)


def _has_wheels(resolution: Resolution) -> bool:
    return all(Path(wheel.path).is_file() for wheel in resolution.wheels)


def _resolved_anew(base: _Base, recipe: str, retries: int) -> Resolution:
    if base.offline:
        raise Unreachable(f"the repository of {base.spec.text} cannot be reached")
    if base.spec.is_here:
        return resolving.exactly(base.spec.releases, base.wheels, base.python, retries)
    return resolving.resolve(base.spec.releases, base.wheels, base.python, recipe, retries)


def _keys(base: _Base, recipe: str) -> tuple[str, str]:
    """Two names of an answer: one with the content of every source, one with that of folders only, for the lack of a network."""
    parts = [(type(part).__name__, part) for part in base.spec.parts if not isinstance(part, Folder)]
    contents = [(wheel.digest, wheel.extras) for wheel in base.wheels]
    local = [(w.digest, w.extras) for w in base.wheels if not w.checkout.path.startswith("git+")]
    asked = (base.spec.is_here, parts, base.python, recipe)
    return keeping.key_of("exact", *asked, contents), keeping.key_of("last", *asked, local)


def _today() -> str:
    return datetime.now(timezone.utc).date().isoformat()


# What is built -----------------------------------------------------------------------------------------------------------


def _finished(asked: _Asked, resolution: Resolution | EnvironmentProblem, tell: Observe) -> Environment:
    if isinstance(resolution, EnvironmentProblem):
        raise resolution
    extended = _extended(resolution, asked.needs)
    label = " + ".join((asked.spec.text, *(need.release.text for need in asked.needs)))
    built = building.build(extended, key := building.key_of(extended, asked.copy), label, tell)
    versions = {package.name: package.version for package in built.packages}
    return Environment(
        name=asked.name,
        python=str(keeping.python_of(keeping.folder(key))),
        version=built.python.version,
        packages=built.packages,
        demanded=tuple((name, versions[name]) for name in extended.named),
        recipe=extended.recipe,
        sources=tuple(wheel.checkout for wheel in extended.wheels),
    )


def _extended(base: Resolution, needs: tuple[Need, ...]) -> Resolution:
    """With the needs on top; these stay as they were resolved first for the same base."""
    if not needs:
        return base
    texts = [(need.release.text, need.alone) for need in needs]
    key = keeping.key_of("needs", building.key_of(base, 0), base.relaxed, texts)
    if kept := keeping.recall("resolved", key, Resolution):
        return replace(kept, wheels=base.wheels)
    extended = resolving.extend(base, needs)
    keeping.note("resolved", key, extended)
    return extended


def _is_here(asked: _Asked) -> bool:
    """Whether the interpreter that runs perfbench has all that is asked for."""
    if not asked.spec.is_here:
        return False
    there = {package.name: package.version for package in installed.here().packages}
    return all(resolving.is_there(need.release, there) for need in asked.needs)
