"""Resolve requirements to exact versions with ``uv pip compile``, including packages without wheels.

Packages that need a compiler are never built: an old release may take minutes, and success would depend on the compilers of
the machine. Pure Python packages may be built: some were never published as wheels.
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
from perfbench.environments.interpreters import Interpreter, format_version
from perfbench.environments.process import ProcessResult
from perfbench.errors import EnvironmentProblem

WHEELS_ONLY_OPTIONS = ("--only-binary", ":all:")
MAX_ATTEMPTS = 40
"""Maximum number of packages without a wheel in one resolution."""


class PinWithoutWheel(EnvironmentProblem):
    """A pinned dependency needs a compiler and has no wheel for this Python."""


@dataclass(frozen=True, slots=True)
class CompileRequest:
    """Requirements to resolve for one Python.

    ``alone`` leaves out dependencies; ``relaxed`` are packages of any version, and ``relaxing`` adds packages without a wheel
    to them. ``sdists`` may be built from source. With ``like`` the versions of earlier resolutions for the same purpose are
    preferred, except for the ``fresh`` packages: two releases get the same newest dependencies, and the same packages on top,
    even if one was resolved a month ago.
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
    """Exact versions; ``sdists`` and ``relaxed`` of the request with those that were added; notes for the user."""

    pins: tuple[str, ...]
    sdists: tuple[str, ...]
    relaxed: tuple[str, ...]
    notes: tuple[str, ...] = ()


def compile_requirements(request: CompileRequest) -> CompileResult:
    """Resolve the newest matching versions. Sources are considered as well as wheels, for otherwise a release whose dependency
    has no wheel would silently be replaced by one of years ago; a second call finds the versions without a wheel.

    Raises EnvironmentProblem, PinWithoutWheel, IndexUnreachable.
    """
    compiled = _load_compiled_names()
    for _ in range(MAX_ATTEMPTS):
        result = _run_compile(request, tuple(part for name in compiled for part in ("--only-binary", name)))
        if result.code:
            name = (
                uv_errors.find_package_without_wheel(result.err)
                or uv_errors.find_failed_build(result.err).partition("==")[0]
            )
            name = str(canonicalize_name(name))
            if not name or not is_compiled(name, request):
                raise build_problem(result.err, request)
            request = _drop_requirement(name, request) if name in compiled else request
        else:
            checked = _check_wheels(request, parse_pins(result.out))
            if isinstance(checked, CompileResult):
                return replace(checked, notes=uv_errors.find_unknown_extras(result.err))
            name = checked
        compiled = tuple(sorted({*compiled, name}))
        _save_compiled_name(name)
    raise EnvironmentProblem(f"more than {MAX_ATTEMPTS} packages have no wheel for Python {request.python.label}")


def _drop_requirement(name: str, request: CompileRequest) -> CompileRequest:
    """The request without the version requirements of a package that has no wheel in such a version."""
    lacking = f"{name}, has no wheel for Python {request.python.label}"
    if name in {parse_name(text) for text in request.requirements} or name in request.relaxed:
        raise EnvironmentProblem(f"a package that needs a compiler, {lacking}")
    if not request.relaxing:
        raise PinWithoutWheel(f"a pinned dependency, {lacking}")
    return replace(request, relaxed=(*request.relaxed, name))


def _check_wheels(request: CompileRequest, pins: tuple[str, ...]) -> CompileResult | str:
    """The versions, with those to build from source; or the name of a package that needs a compiler."""
    exact = replace(request, requirements=pins, constraints=(), relaxed=(), alone=True, like="")
    while True:
        sdists = tuple(part for name in exact.sdists for part in ("--no-binary", name))
        result = _run_compile(exact, (*WHEELS_ONLY_OPTIONS, *sdists))
        if not result.code:
            return CompileResult(pins, exact.sdists, request.relaxed)
        name = canonicalize_name(uv_errors.find_package_without_wheel(result.err))
        if not name or name in exact.sdists:
            raise build_problem(result.err, request)
        if is_compiled(name, request):
            return name
        exact = replace(exact, sdists=(*exact.sdists, name))


def _run_compile(request: CompileRequest, formats: tuple[str, ...]) -> ProcessResult:
    with tempfile.TemporaryDirectory(prefix="perfbench-") as workspace:
        folder = Path(workspace)

        def write_lines(name: str, lines: Iterable[str]) -> str:
            (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            return str(folder / name)

        # uv prefers the versions that it finds in its output file.
        out = write_lines("out.txt", _load_preferred_pins(request))
        options = [
            *("--python", request.python.path, "--no-header", "--no-annotate", *formats),
            *(part for name in request.fresh for part in ("--upgrade-package", name)),
            *(("--constraint", write_lines("constraints.txt", request.constraints)) if request.constraints else ()),
            *(("--override", write_lines("relaxed.txt", request.relaxed)) if request.relaxed else ()),
            *(("--no-deps",) if request.alone else ()),
        ]
        requirements = write_lines("requirements.txt", request.requirements)
        result = uv.run_uv("pip", "compile", requirements, "--output-file", out, *options, retries=request.retries)
        return replace(result, out=Path(out).read_text(encoding="utf-8"))


def parse_pins(text: str) -> tuple[str, ...]:
    """The requirements in a file that uv wrote, sorted."""
    lines = (line.partition(" ;")[0].strip() for line in text.splitlines())
    return tuple(sorted(line for line in lines if line and not line.startswith(("#", "-"))))


def parse_name(requirement: str) -> str:
    """The normalised name of the distribution of a requirement."""
    return canonicalize_name(Requirement(requirement).name)


def build_problem(errors: str, request: CompileRequest) -> EnvironmentProblem:
    """The error of a failed call of uv; for a release that does not exist with the nearest ones."""
    name, version = uv_errors.find_missing_release(errors)
    if not name:
        return uv_errors.build_problem(errors)
    near = [
        pin.partition("==")[2] for sign in ("<", ">") for pin in _find_nearest_versions(name, sign, version, request)
    ]
    nearest = (
        f"; the nearest are {' and '.join(near)}" if len(near) > 1 else f"; the nearest is {near[0]}" if near else ""
    )
    return EnvironmentProblem(f"there is no {name} {version}{nearest}")


def _find_nearest_versions(name: str, sign: str, version: str, request: CompileRequest) -> tuple[str, ...]:
    options = ("--no-deps", "--no-header", "--no-annotate", *(("--resolution", "lowest") if sign == ">" else ()))
    result = _compile_single(f"{name}{sign}{version}", request.python, options, retries=0)
    return parse_pins(result.out) if not result.code else ()


def _compile_single(requirement: str, python: Interpreter, options: tuple[str, ...], retries: int) -> ProcessResult:
    with tempfile.TemporaryDirectory(prefix="perfbench-") as workspace:
        requirements = Path(workspace, "requirements.txt")
        requirements.write_text(f"{requirement}\n", encoding="utf-8")
        return uv.run_uv(
            "pip", "compile", str(requirements), "--quiet", "--python", python.path, *options, retries=retries
        )


# Packages that need a compiler -----------------------------------------------------------------------------------------


def is_compiled(name: str, request: CompileRequest) -> bool:
    """Whether a package needs a compiler: its newest release has platform-specific wheels.

    A package whose newest release has a wheel for every platform, or no wheel at all, counts as pure Python and may be built.
    """
    return _newest_is_compiled(name, request.python, request.retries)


@functools.cache
def _newest_is_compiled(name: str, python: Interpreter, retries: int) -> bool:
    result = _compile_single(name, python, ("--no-deps", "--format", "pylock.toml"), retries)
    if result.code:
        raise uv_errors.build_problem(result.err)
    lock = msgspec.toml.decode(result.out)
    files = [
        wheel.get("name") or wheel.get("url", "") for package in lock["packages"] for wheel in package.get("wheels", ())
    ]
    tags = [parse_wheel_filename(file.rpartition("/")[2])[3] for file in files]
    return any(tag.platform != "any" for wheel_tags in tags for tag in wheel_tags)


def _load_compiled_names() -> tuple[str, ...]:
    return tuple(sorted(cache.load_note("learned", "compiled", dict[str, bool]) or {}))


def _save_compiled_name(name: str) -> None:
    names = cache.load_note("learned", "compiled", dict[str, bool]) or {}
    if name not in names:
        cache.save_note("learned", "compiled", names | {name: True})


# Preferred versions ----------------------------------------------------------------------------------------------------


def _load_preferred_pins(request: CompileRequest) -> list[str]:
    versions = (cache.load_note("learned", _format_title(request), dict[str, str]) or {}) if request.like else {}
    return [f"{name}=={version}" for name, version in versions.items()]


def save_preferred_pins(pins: Iterable[str], request: CompileRequest) -> None:
    """Prefer these versions in later requests like this one; those saved first stay."""
    saved = cache.load_note("learned", _format_title(request), dict[str, str]) or {}
    new = {parse_name(pin): pin.partition("==")[2] for pin in pins if "==" in pin and " @ " not in pin}
    if request.like and not new.keys() <= saved.keys():
        cache.save_note("learned", _format_title(request), new | saved)


def _format_title(request: CompileRequest) -> str:
    line = format_version(".".join(request.python.version.split(".")[:2]), request.python.build)
    return f"{request.like} for Python {line}".replace(" ", "-")
