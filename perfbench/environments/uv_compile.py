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

from perfbench.environments import cache, uv, uv_errors
from perfbench.environments.interpreters import Interpreter
from perfbench.environments.process import ProcessResult
from perfbench.errors import EnvironmentProblem

WHEELS_ONLY_OPTIONS = ("--only-binary", ":all:")
MAX_ATTEMPTS = 40
"""How many packages without a wheel one resolution may run into."""


class PinWithoutWheel(EnvironmentProblem):
    """A pinned dependency has to be compiled, and there is no wheel of it for this Python."""


@dataclass(frozen=True, slots=True)
class CompileRequest:
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
class CompileResult:
    """Exact versions; the question's ``sdists`` and ``relaxed`` with what was learned; what to tell the user."""

    pins: tuple[str, ...]
    sdists: tuple[str, ...]
    relaxed: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def compile_requirements(question: CompileRequest) -> CompileResult:
    """The newest versions that fit. Sources are looked at as well as wheels, for otherwise a release whose dependency has no
    wheel would be passed over in silence for one of years ago; then it is seen which of the versions found have no wheel.

    Raises EnvironmentProblem, NeedsNewest, Unreachable.
    """
    compiled = _load_compiled_names()
    for _ in range(MAX_ATTEMPTS):
        said = _run_compile(question, tuple(part for name in compiled for part in ("--only-binary", name)))
        if said.code:
            name = (
                uv_errors.find_package_without_wheel(said.err)
                or uv_errors.find_failed_build(said.err).partition("==")[0]
            )
            name = str(canonicalize_name(name))
            if not name or not is_compiled(name, question):
                raise build_problem(said.err, question)
            question = _drop_requirement(name, question) if name in compiled else question
        else:
            found = _check_wheels(question, parse_pins(said.out))
            if isinstance(found, CompileResult):
                return replace(found, remarks=uv_errors.find_unknown_extras(said.err))
            name = found
        compiled = tuple(sorted({*compiled, name}))
        _save_compiled_name(name)
    raise EnvironmentProblem(f"more than {MAX_ATTEMPTS} packages have no wheel for Python {question.python.version}")


def _drop_requirement(name: str, question: CompileRequest) -> CompileRequest:
    """The question without what is demanded of a package that has no wheel in such a version."""
    lacking = f"{name}, has no wheel for Python {question.python.version}"
    if name in {parse_name(text) for text in question.requirements} or name in question.relaxed:
        raise EnvironmentProblem(f"what has to be compiled, {lacking}")
    if not question.relaxing:
        raise PinWithoutWheel(f"a pinned dependency, {lacking}")
    return replace(question, relaxed=(*question.relaxed, name))


def _check_wheels(question: CompileRequest, pins: tuple[str, ...]) -> CompileResult | str:
    """The versions with those that are to be built from source; or the name of one that has to be compiled."""
    exact = replace(question, requirements=pins, constraints=(), relaxed=(), alone=True, like="")
    while True:
        sdists = tuple(part for name in exact.sdists for part in ("--no-binary", name))
        said = _run_compile(exact, (*WHEELS_ONLY_OPTIONS, *sdists))
        if not said.code:
            return CompileResult(pins, exact.sdists, question.relaxed)
        name = canonicalize_name(uv_errors.find_package_without_wheel(said.err))
        if not name or name in exact.sdists:
            raise build_problem(said.err, question)
        if is_compiled(name, question):
            return name
        exact = replace(exact, sdists=(*exact.sdists, name))


def _run_compile(question: CompileRequest, formats: tuple[str, ...]) -> ProcessResult:
    with tempfile.TemporaryDirectory(prefix="perfbench-") as space:
        folder = Path(space)

        def listed(name: str, lines: Iterable[str]) -> str:
            (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            return str(folder / name)

        # uv prefers the versions that it finds in its output file.
        out = listed("out.txt", _load_preferred_pins(question))
        options = [
            *("--python", question.python.path, "--no-header", "--no-annotate", *formats),
            *(part for name in question.fresh for part in ("--upgrade-package", name)),
            *(("--constraint", listed("constraints.txt", question.constraints)) if question.constraints else ()),
            *(("--override", listed("relaxed.txt", question.relaxed)) if question.relaxed else ()),
            *(("--no-deps",) if question.alone else ()),
        ]
        asked = listed("asked.txt", question.requirements)
        said = uv.run_uv("pip", "compile", asked, "--output-file", out, *options, retries=question.retries)
        return replace(said, out=Path(out).read_text(encoding="utf-8"))


def parse_pins(text: str) -> tuple[str, ...]:
    """The requirements in a file that uv wrote, sorted."""
    lines = (line.partition(" ;")[0].strip() for line in text.splitlines())
    return tuple(sorted(line for line in lines if line and not line.startswith(("#", "-"))))


def parse_name(requirement: str) -> str:
    """The normalised name of the distribution that a requirement is about."""
    return canonicalize_name(Requirement(requirement).name)


def build_problem(said: str, question: CompileRequest) -> EnvironmentProblem:
    """The reason in one line; for a release that does not exist with those beside it."""
    name, version = uv_errors.find_missing_release(said)
    if not name:
        return uv_errors.build_problem(said)
    near = [
        pin.partition("==")[2] for sign in ("<", ">") for pin in _find_nearest_versions(name, sign, version, question)
    ]
    there = (
        f"; the nearest are {' and '.join(near)}" if len(near) > 1 else f"; the nearest is {near[0]}" if near else ""
    )
    return EnvironmentProblem(f"there is no {name} {version}{there}")


def _find_nearest_versions(name: str, sign: str, version: str, question: CompileRequest) -> tuple[str, ...]:
    options = ("--no-deps", "--no-header", "--no-annotate", *(("--resolution", "lowest") if sign == ">" else ()))
    said = _compile_single(f"{name}{sign}{version}", question.python, options, retries=0)
    return parse_pins(said.out) if not said.code else ()


def _compile_single(requirement: str, python: Interpreter, options: tuple[str, ...], retries: int) -> ProcessResult:
    with tempfile.TemporaryDirectory(prefix="perfbench-") as space:
        asked = Path(space, "asked.txt")
        asked.write_text(f"{requirement}\n", encoding="utf-8")
        return uv.run_uv("pip", "compile", str(asked), "--quiet", "--python", python.path, *options, retries=retries)


# What has to be compiled -------------------------------------------------------------------------------------------------


def is_compiled(name: str, question: CompileRequest) -> bool:
    """Whether a package has something to compile: its newest release comes as wheels for certain platforms.

    One whose newest release is a wheel for every platform, or no wheel at all, is taken for pure Python and may be built.
    """
    return _newest_is_compiled(name, question.python, question.retries)


@functools.cache
def _newest_is_compiled(name: str, python: Interpreter, retries: int) -> bool:
    said = _compile_single(name, python, ("--no-deps", "--format", "pylock.toml"), retries)
    if said.code:
        raise uv_errors.build_problem(said.err)
    lock = msgspec.toml.decode(said.out)
    files = [wheel.get("name") or wheel.get("url", "") for one in lock["packages"] for wheel in one.get("wheels", ())]
    tags = [parse_wheel_filename(file.rpartition("/")[2])[3] for file in files]
    return any(tag.platform != "any" for some in tags for tag in some)


def _load_compiled_names() -> tuple[str, ...]:
    return tuple(sorted(cache.load_note("learned", "compiled", dict[str, bool]) or {}))


def _save_compiled_name(name: str) -> None:
    known = cache.load_note("learned", "compiled", dict[str, bool]) or {}
    if name not in known:
        cache.save_note("learned", "compiled", known | {name: True})


# Versions that were taken before -----------------------------------------------------------------------------------------


def _load_preferred_pins(question: CompileRequest) -> list[str]:
    versions = (cache.load_note("learned", _format_title(question), dict[str, str]) or {}) if question.like else {}
    return [f"{name}=={version}" for name, version in versions.items()]


def save_preferred_pins(pins: Iterable[str], question: CompileRequest) -> None:
    """Prefer these versions in questions like this one from now on; those that were taken first stay."""
    known = cache.load_note("learned", _format_title(question), dict[str, str]) or {}
    new = {parse_name(pin): pin.partition("==")[2] for pin in pins if "==" in pin and " @ " not in pin}
    if question.like and not new.keys() <= known.keys():
        cache.save_note("learned", _format_title(question), new | known)


def _format_title(question: CompileRequest) -> str:
    line = ".".join(question.python.version.split(".")[:2])
    return f"{question.like} for Python {line}".replace(" ", "-")
