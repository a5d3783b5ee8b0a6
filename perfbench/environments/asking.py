"""One question to uv's resolver: which exact versions, and which of them have no wheel and may be built from source.

What has to be compiled is never built: an old release of it may take minutes, and whether that succeeds would depend on the
compilers of the machine. Packages of Python alone may be: some were never published as wheels.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import msgspec
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from perfbench.environments import keeping, reasons, uv
from perfbench.environments.interpreters import Interpreter
from perfbench.errors import EnvironmentProblem

WHEELS_ONLY = ("--only-binary", ":all:")
ATTEMPTS = 40
"""How many packages without a wheel one resolution may run into."""


class NeedsNewest(EnvironmentProblem):
    """A pinned dependency has to be compiled, and there is no wheel of it for this Python."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for.

    ``alone`` leaves out dependencies; ``relaxed`` are packages of which any version will do, and ``relaxing`` adds to them
    what has no wheel. ``sdists`` may be built from source. With ``like`` the versions that were taken before for the same
    purpose are preferred, but for the ``fresh`` packages: two releases get the same newest dependencies, and the same packages
    on top, even if one was resolved a month ago.
    """

    python: Interpreter
    requirements: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    relaxed: tuple[str, ...] = ()
    sdists: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()
    alone: bool = False
    relaxing: bool = False
    like: Literal["", "dependencies", "on top"] = ""
    retries: int = 2


@dataclass(frozen=True, slots=True)
class Found:
    """Exact versions; the question's ``sdists`` and ``relaxed`` with what was learned; what to tell the user."""

    pins: tuple[str, ...]
    sdists: tuple[str, ...]
    relaxed: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def ask(question: Question) -> Found:
    """The newest versions that fit. Sources are looked at as well as wheels, for otherwise a release whose dependency has no
    wheel would be passed over in silence for one of years ago; then it is seen which of the versions found have no wheel.

    Raises EnvironmentProblem, NeedsNewest, Unreachable.
    """
    compiled = _known_as_compiled()
    for _ in range(ATTEMPTS):
        said = _compile(question, tuple(part for name in compiled for part in ("--only-binary", name)))
        if said.code:
            name = reasons.without_wheel(said.err) or reasons.failed_build(said.err).partition("==")[0]
            name = str(canonicalize_name(name))
            if not name or not is_compiled(name, question):
                raise problem(said.err, question)
            question = _without(name, question) if name in compiled else question
        else:
            found = _see_wheels(question, pins_in(said.out))
            if isinstance(found, Found):
                return replace(found, remarks=reasons.unknown_extras(said.err))
            name = found
        compiled = tuple(sorted({*compiled, name}))
        _note_as_compiled(name)
    raise EnvironmentProblem(f"more than {ATTEMPTS} packages have no wheel for Python {question.python.version}")


def _without(name: str, question: Question) -> Question:
    """The question without what is demanded of a package that has no wheel in such a version."""
    lacking = f"{name}, has no wheel for Python {question.python.version}"
    if name in {name_of(text) for text in question.requirements} or name in question.relaxed:
        raise EnvironmentProblem(f"what has to be compiled, {lacking}")
    if not question.relaxing:
        raise NeedsNewest(f"a pinned dependency, {lacking}")
    return replace(question, relaxed=(*question.relaxed, name))


def _see_wheels(question: Question, pins: tuple[str, ...]) -> Found | str:
    """The versions with those that are to be built from source; or the name of one that has to be compiled."""
    exact = replace(question, requirements=pins, constraints=(), relaxed=(), alone=True, like="")
    while True:
        sdists = tuple(part for name in exact.sdists for part in ("--no-binary", name))
        said = _compile(exact, (*WHEELS_ONLY, *sdists))
        if not said.code:
            return Found(pins, exact.sdists, question.relaxed)
        name = canonicalize_name(reasons.without_wheel(said.err))
        if not name or name in exact.sdists:
            raise problem(said.err, question)
        if is_compiled(name, question):
            return name
        exact = replace(exact, sdists=(*exact.sdists, name))


def _compile(question: Question, formats: tuple[str, ...]) -> uv.Said:
    with tempfile.TemporaryDirectory(prefix="perfbench-") as space:
        folder = Path(space)

        def listed(name: str, lines: Iterable[str]) -> str:
            (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            return str(folder / name)

        # uv prefers the versions that it finds in its output file.
        out = listed("out.txt", _remembered(question))
        options = [
            *("--python", question.python.path, "--no-header", "--no-annotate", *formats),
            *(part for name in question.fresh for part in ("--upgrade-package", name)),
            *(("--constraint", listed("constraints.txt", question.constraints)) if question.constraints else ()),
            *(("--override", listed("relaxed.txt", question.relaxed)) if question.relaxed else ()),
            *(("--no-deps",) if question.alone else ()),
        ]
        asked = listed("asked.txt", question.requirements)
        said = uv.call("pip", "compile", asked, "--output-file", out, *options, retries=question.retries)
        return replace(said, out=Path(out).read_text(encoding="utf-8"))


def pins_in(text: str) -> tuple[str, ...]:
    """The requirements in a file that uv wrote, sorted."""
    lines = (line.partition(" ;")[0].strip() for line in text.splitlines())
    return tuple(sorted(line for line in lines if line and not line.startswith(("#", "-"))))


def name_of(requirement: str) -> str:
    """The normalised name of the distribution that a requirement is about."""
    return canonicalize_name(Requirement(requirement).name)


def problem(said: str, question: Question) -> EnvironmentProblem:
    """The reason in one line; for a release that does not exist with those beside it."""
    name, version = reasons.missing_release(said)
    if not name:
        return reasons.problem(said)
    near = [pin.partition("==")[2] for sign in ("<", ">") for pin in _nearest(name, sign, version, question)]
    there = (
        f"; the nearest are {' and '.join(near)}" if len(near) > 1 else f"; the nearest is {near[0]}" if near else ""
    )
    return EnvironmentProblem(f"there is no {name} {version}{there}")


def _nearest(name: str, sign: str, version: str, question: Question) -> tuple[str, ...]:
    options = ("--no-deps", "--no-header", "--no-annotate", *(("--resolution", "lowest") if sign == ">" else ()))
    said = _ask_about(f"{name}{sign}{version}", question.python, options, retries=0)
    return pins_in(said.out) if not said.code else ()


def _ask_about(requirement: str, python: Interpreter, options: tuple[str, ...], retries: int) -> uv.Said:
    with tempfile.TemporaryDirectory(prefix="perfbench-") as space:
        asked = Path(space, "asked.txt")
        asked.write_text(f"{requirement}\n", encoding="utf-8")
        return uv.call("pip", "compile", str(asked), "--quiet", "--python", python.path, *options, retries=retries)


# What has to be compiled -------------------------------------------------------------------------------------------------


def is_compiled(name: str, question: Question) -> bool:
    """Whether a package has something to compile: its newest release comes as wheels for certain platforms.

    One whose newest release is a wheel for every platform, or no wheel at all, is taken for pure Python and may be built.
    """
    return _newest_is_compiled(name, question.python, question.retries)


@functools.cache
def _newest_is_compiled(name: str, python: Interpreter, retries: int) -> bool:
    said = _ask_about(name, python, ("--no-deps", "--format", "pylock.toml"), retries)
    if said.code:
        raise reasons.problem(said.err)
    lock = msgspec.toml.decode(said.out)
    files = [wheel.get("name") or wheel.get("url", "") for one in lock["packages"] for wheel in one.get("wheels", ())]
    tags = [parse_wheel_filename(file.rpartition("/")[2])[3] for file in files]
    return any(tag.platform != "any" for some in tags for tag in some)


def _known_as_compiled() -> tuple[str, ...]:
    return tuple(sorted(keeping.recall("learned", "compiled", dict[str, bool]) or {}))


def _note_as_compiled(name: str) -> None:
    known = keeping.recall("learned", "compiled", dict[str, bool]) or {}
    if name not in known:
        keeping.note("learned", "compiled", known | {name: True})


# Versions that were taken before -----------------------------------------------------------------------------------------


def _remembered(question: Question) -> list[str]:
    versions = (keeping.recall("learned", _title(question), dict[str, str]) or {}) if question.like else {}
    return [f"{name}=={version}" for name, version in versions.items()]


def remember(pins: Iterable[str], question: Question) -> None:
    """Prefer these versions in questions like this one from now on; those that were taken first stay."""
    known = keeping.recall("learned", _title(question), dict[str, str]) or {}
    new = {name_of(pin): pin.partition("==")[2] for pin in pins if "==" in pin and " @ " not in pin}
    if question.like and not new.keys() <= known.keys():
        keeping.note("learned", _title(question), new | known)


def _title(question: Question) -> str:
    line = ".".join(question.python.version.split(".")[:2])
    return f"{question.like} for Python {line}".replace(" ", "-")
