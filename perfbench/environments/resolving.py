"""From what was asked for to exact versions, by uv, in one of two recipes.

*as published*: what the releases themselves demand. Only wheels are installed, but for packages that never had anything to
compile; an old release whose pinned C or Rust dependency has no wheel for this Python cannot be had this way.

*newest dependencies*: the named releases as they are, and all that they need in the newest versions, whatever they pin.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.metadata import Distribution
from pathlib import Path

import msgspec
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from perfbench.environments import keeping, reasons, uv
from perfbench.environments.installed import MEASURED, required
from perfbench.environments.interpreters import Interpreter
from perfbench.environments.snapshots import Wheel
from perfbench.environments.specs import Need, Release
from perfbench.errors import EnvironmentProblem

AS_PUBLISHED = "pins"
NEWEST = "newest dependencies"

WHEELS_ONLY = ("--only-binary", ":all:")
ATTEMPTS = 30
"""How many packages without a wheel one resolution may run into."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """Exact versions for one Python.

    ``pins`` are requirements with exact versions, ``wheels`` those built from checkouts. ``sdists`` are the packages that have
    no wheel and may be built from source, ``relaxed`` those whose demanded versions were dropped. ``named`` are the
    distributions that the spec and the needs name: a worker may import no other version of them.
    """

    python: Interpreter
    recipe: str
    pins: tuple[str, ...]
    wheels: tuple[Wheel, ...] = ()
    sdists: tuple[str, ...] = ()
    relaxed: tuple[str, ...] = ()
    named: tuple[str, ...] = ()


class NeedsNewest(EnvironmentProblem):
    """A pinned dependency has to be compiled, and there is no wheel of it for this Python."""


@dataclass(frozen=True, slots=True)
class _Question:
    """One call for the resolver.

    ``alone`` leaves out dependencies; ``relaxing`` drops what is demanded of packages that have no wheel. ``steady`` prefers
    the versions that were taken before, but for the ``fresh`` packages: two releases get the same newest dependencies, and the
    same packages on top, even if one was resolved a month ago.
    """

    python: Interpreter
    requirements: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    relaxed: tuple[str, ...] = ()
    sdists: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()
    alone: bool = False
    relaxing: bool = False
    steady: bool = False
    retries: int = 2


@dataclass(frozen=True, slots=True)
class _Found:
    pins: tuple[str, ...]
    sdists: tuple[str, ...]
    relaxed: tuple[str, ...]


def resolve(
    releases: tuple[Release, ...], wheels: tuple[Wheel, ...], python: Interpreter, recipe: str, retries: int = 2
) -> Resolution:
    """The versions for releases and wheels together.

    Raises EnvironmentProblem with the reason why there are none, NeedsNewest if another recipe could help, Unreachable if
    the index is needed and cannot be asked.
    """
    named = tuple(dict.fromkeys([*(one.name for one in releases), *(wheel.name for wheel in wheels)]))
    question = _Question(
        python,
        (*(release.text for release in releases), *map(_requirement, wheels)),
        fresh=tuple(release.name for release in releases if not release.pin),
        relaxing=recipe == NEWEST,
        steady=recipe == NEWEST,
        retries=retries,
    )
    found = _with_newest(question, releases, wheels) if recipe == NEWEST else _ask(question)
    pins = tuple(pin for pin in found.pins if _name(pin) not in {wheel.name for wheel in wheels})
    if recipe == NEWEST:
        _remember([pin for pin in pins if _name(pin) not in {*named, *MEASURED}], python)
    return Resolution(python, recipe, pins, wheels, found.sdists, found.relaxed, named)


def exactly(
    releases: tuple[Release, ...], wheels: tuple[Wheel, ...], python: Interpreter, retries: int = 2
) -> Resolution:
    """Exact versions as they are: nothing is resolved, only found out which have no wheel. Raises as ``resolve`` does."""
    found = _ask(_Question(python, tuple(release.text for release in releases), alone=True, retries=retries))
    named = [name for name in (*(one.name for one in releases), *(one.name for one in wheels)) if name in MEASURED]
    return Resolution(python, "", found.pins, wheels, found.sdists, named=tuple(named))


def extend(base: Resolution, needs: tuple[Need, ...], retries: int = 2) -> Resolution:
    """The base with the needs on top: every version of the base stays as it is.

    A need that the base has already, in a version that fits, changes nothing. Raises as ``resolve`` does.
    """
    there = {_name(pin): pin.partition("==")[2] for pin in base.pins}
    there |= {wheel.name: wheel.version for wheel in base.wheels}
    missing = [need for need in needs if not is_there(need.release, there)]
    if not missing:
        return base
    relaxing = base.recipe == NEWEST
    question = _Question(
        base.python, (), (), base.relaxed, base.sdists, relaxing=relaxing, steady=True, retries=retries
    )
    added: dict[str, str] = {}
    sdists: list[str] = list(base.sdists)
    for alone in (False, True):
        texts = tuple(need.release.text for need in missing if need.alone is alone)
        if not texts:
            continue
        # Demanded beside the needs, a checkout stands for the release that they may depend on.
        beside = () if alone else base.wheels
        found = _ask(
            replace(
                question,
                requirements=(*texts, *map(_requirement, beside)),
                constraints=tuple(f"{name}=={there[name]}" for name in there if name not in {w.name for w in beside}),
                alone=alone,
            )
        )
        added |= {_name(pin): pin for pin in found.pins if _name(pin) not in there}
        sdists += [name for name in found.sdists if name not in sdists]
    _remember(added.values(), base.python)
    named = tuple(dict.fromkeys([*base.named, *(need.release.name for need in needs)]))
    pins = tuple(sorted((*base.pins, *added.values())))
    return Resolution(base.python, base.recipe, pins, base.wheels, tuple(sdists), base.relaxed, named)


def is_there(release: Release, there: dict[str, str]) -> bool:
    """Whether one of the installed versions, by name, is what the release demands."""
    if release.name not in there or release.extras:
        return False
    return not release.pin or Version(release.pin) == Version(there[release.name])


def _with_newest(question: _Question, releases: tuple[Release, ...], wheels: tuple[Wheel, ...]) -> _Found:
    """Relax what the named releases demand, but for the packages that are measured: flumine keeps its betfairlightweight."""
    python = question.python
    relaxed: dict[str, None] = {}
    for wheel in wheels:
        relaxed |= dict.fromkeys(_dependencies(wheel.requires, wheel.extras, python))
    for release in releases:
        relaxed |= dict.fromkeys(_dependencies(_metadata(release.text, question), release.extras, python))
    looked_at = {*(release.name for release in releases), *(wheel.name for wheel in wheels)}
    while True:
        found = _ask(replace(question, relaxed=tuple(relaxed)))
        others = [pin for pin in found.pins if _name(pin) in MEASURED and _name(pin) not in looked_at]
        if not others:
            return found
        for pin in others:
            looked_at.add(_name(pin))
            relaxed |= dict.fromkeys(_dependencies(_metadata(pin, question), ("speed",), python))


def _dependencies(requires: tuple[str, ...], extras: tuple[str, ...], python: Interpreter) -> list[str]:
    """Names of what is required, without what is measured."""
    found = required(requires, frozenset(extras), python.version)
    return [name for one in found if (name := canonicalize_name(one.name)) not in MEASURED]


def _metadata(requirement: str, question: _Question) -> tuple[str, ...]:
    """The ``Requires-Dist`` lines of a release."""
    with tempfile.TemporaryDirectory(prefix="perfbench-") as space:
        target = Path(space, "target")
        options = ("--python", question.python.path, "--no-deps", "--target", str(target), *WHEELS_ONLY)
        said = uv.call("pip", "install", "--quiet", *options, requirement, retries=question.retries)
        if said.code and (name := reasons.without_wheel(said.err)) and not _is_compiled(name, question):
            said = uv.call(
                "pip", "install", "--quiet", *options, "--no-binary", name, requirement, retries=question.retries
            )
        if said.code:
            raise _problem(said.err, question)
        lines = [Distribution.at(path).requires or [] for path in target.glob("*.dist-info")]
        return tuple(line for some in lines for line in some)


def _ask(question: _Question) -> _Found:
    """Ask until every package that has no wheel is either allowed to be built or, if it has to be compiled, relaxed."""
    for _ in range(ATTEMPTS):
        said = _compile(question)
        if not said.code:
            return _Found(_pins(said.out), question.sdists, question.relaxed)
        name = canonicalize_name(reasons.without_wheel(said.err))
        if not name or name in question.sdists or name in question.relaxed:
            raise _problem(said.err, question)
        if not _is_compiled(name, question):
            question = replace(question, sdists=(*question.sdists, name))
        elif question.relaxing and name not in {_name(text) for text in question.requirements}:
            question = replace(question, relaxed=(*question.relaxed, name))
        elif name in {_name(text) for text in question.requirements}:
            raise EnvironmentProblem(f"{name} has no wheel for Python {question.python.version}")
        else:
            raise NeedsNewest(f"a pinned dependency, {name}, has no wheel for Python {question.python.version}")
    raise EnvironmentProblem(f"more than {ATTEMPTS} packages have no wheel for Python {question.python.version}")


def _compile(question: _Question) -> uv.Said:
    with tempfile.TemporaryDirectory(prefix="perfbench-") as space:
        folder = Path(space)

        def listed(name: str, lines: Iterable[str]) -> str:
            (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            return str(folder / name)

        # uv prefers the versions that it finds in its output file.
        out = listed("out.txt", _remembered(question.python) if question.steady else ())
        options = [
            *("--python", question.python.path, "--no-header", "--no-annotate", "--quiet", *WHEELS_ONLY),
            *(part for name in question.sdists for part in ("--no-binary", name)),
            *(part for name in question.fresh for part in ("--upgrade-package", name)),
            *(("--constraint", listed("constraints.txt", question.constraints)) if question.constraints else ()),
            *(("--override", listed("relaxed.txt", question.relaxed)) if question.relaxed else ()),
            *(("--no-deps",) if question.alone else ()),
        ]
        asked = listed("asked.txt", question.requirements)
        said = uv.call("pip", "compile", asked, "--output-file", out, *options, retries=question.retries)
        return replace(said, out=Path(out).read_text(encoding="utf-8"))


def _pins(text: str) -> tuple[str, ...]:
    lines = (line.partition(" ;")[0].strip() for line in text.splitlines())
    return tuple(sorted(line for line in lines if line and not line.startswith(("#", "-"))))


def _name(requirement: str) -> str:
    return canonicalize_name(Requirement(requirement).name)


def _requirement(wheel: Wheel) -> str:
    extras = f"[{','.join(wheel.extras)}]" if wheel.extras else ""
    return f"{wheel.name}{extras} @ {Path(wheel.path).as_uri()}"


def _is_compiled(name: str, question: _Question) -> bool:
    """Whether a package has something to compile: its newest release comes as wheels for certain platforms.

    One whose newest release is a wheel for every platform, or no wheel at all, is taken for pure Python and may be built.
    """
    return _newest_is_compiled(name, question.python, question.retries)


@functools.cache
def _newest_is_compiled(name: str, python: Interpreter, retries: int) -> bool:
    with tempfile.TemporaryDirectory(prefix="perfbench-") as space:
        asked = Path(space, "asked.txt")
        asked.write_text(f"{name}\n", encoding="utf-8")
        options = ("--no-deps", "--format", "pylock.toml", "--quiet", "--python", python.path)
        said = uv.call("pip", "compile", str(asked), *options, retries=retries)
    if said.code:
        raise reasons.problem(said.err)
    lock = msgspec.toml.decode(said.out)
    files = [wheel.get("name") or wheel.get("url", "") for one in lock["packages"] for wheel in one.get("wheels", ())]
    tags = [parse_wheel_filename(file.rpartition("/")[2])[3] for file in files]
    return any(tag.platform != "any" for some in tags for tag in some)


def _problem(said: str, question: _Question) -> EnvironmentProblem:
    """The reason in one line; for a release that does not exist with those beside it."""
    name, version = reasons.missing_release(said)
    if not name:
        return reasons.problem(said)
    near = [pin.partition("==")[2] for sign in ("<", ">") for pin in _nearest(name, sign, version, question)]
    there = (
        f"; the nearest are {' and '.join(near)}" if len(near) > 1 else f"; the nearest is {near[0]}" if near else ""
    )
    return EnvironmentProblem(f"there is no {name} {version}{there}")


def _nearest(name: str, sign: str, version: str, question: _Question) -> tuple[str, ...]:
    with tempfile.TemporaryDirectory(prefix="perfbench-") as space:
        asked = Path(space, "asked.txt")
        asked.write_text(f"{name}{sign}{version}\n", encoding="utf-8")
        direction = ("--resolution", "lowest") if sign == ">" else ()
        options = ("--no-deps", "--no-header", "--no-annotate", "--quiet", "--python", question.python.path, *direction)
        said = uv.call("pip", "compile", str(asked), *options, retries=0)
    return _pins(said.out) if not said.code else ()


# Versions that were taken before -----------------------------------------------------------------------------------------


def _remembered(python: Interpreter) -> list[str]:
    versions = keeping.recall("preferred", _line_of(python), dict[str, str]) or {}
    return [f"{name}=={version}" for name, version in versions.items()]


def _remember(pins: Iterable[str], python: Interpreter) -> None:
    known = keeping.recall("preferred", _line_of(python), dict[str, str]) or {}
    new = {_name(pin): pin.partition("==")[2] for pin in pins if "==" in pin}
    if not new.keys() <= known.keys():
        keeping.note("preferred", _line_of(python), new | known)


def _line_of(python: Interpreter) -> str:
    return "python-" + ".".join(python.version.split(".")[:2])
