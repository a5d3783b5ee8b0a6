"""Lock of a finished environment: the build of its Python and its exact packages, to be built again on another machine."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from packaging.utils import canonicalize_name

from perfbench.environments import host, interpreters, source_wheels
from perfbench.environments.interpreters import PYPY
from perfbench.environments.spec import HOST_SPEC, PackageRequirement, parse_part
from perfbench.errors import EnvironmentProblem
from perfbench.model import Environment

BUILD_SCRIPT = "import sys; print(sys.version)"
BUILD_TIMEOUT = 30.0
"""Seconds for an interpreter to print its build."""


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """A distribution with its exact version; ``requirement`` installs it from an index or a URL, and is empty for a wheel.

    ``digest`` is a SHA-256 of the hashes that its record has of its Python files; empty where there is no record.
    """

    name: str
    version: str
    requirement: str
    digest: str


@dataclass(frozen=True, slots=True)
class LockedWheel:
    """A wheel that was built from sources: its file name and its content."""

    file: str
    content: bytes


@dataclass(frozen=True, slots=True)
class EnvironmentLock:
    """What another machine needs to build an environment again.

    ``python`` is the full version, ``build`` the text of ``sys.version``. ``is_host``: it is the interpreter that runs
    perfbench, of which only what is measured is locked. ``named``: the distributions that a worker must import. ``copy``
    distinguishes builds of the same versions.
    """

    name: str
    python: str
    build: str
    packages: tuple[LockedPackage, ...]
    wheels: tuple[LockedWheel, ...]
    named: tuple[str, ...]
    recipe: str
    is_host: bool
    copy: int = 0


def lock_environment(environment: Environment, copy: int, observe: Callable[[str], None]) -> EnvironmentLock:
    """The lock of an environment on this machine. Raises EnvironmentProblem.

    :param copy: the number of equal environments before it, of which it is to be a build of its own.
    """
    is_host = environment.python == sys.executable
    packages, wheels = _lock_host(observe) if is_host else _lock_installed(list_environment(environment))
    return EnvironmentLock(
        name=environment.name,
        python=environment.version,
        build=read_build(environment.python),
        packages=packages,
        wheels=wheels,
        named=tuple(name for name, _ in environment.named_packages),
        recipe=environment.recipe,
        is_host=is_host,
        copy=copy,
    )


def read_build(python: str) -> str:
    """The build of an interpreter: the text of ``sys.version`` in one line. Raises EnvironmentProblem."""
    if python == sys.executable:
        return " ".join(sys.version.split())
    try:
        command = [python, "-I", "-c", BUILD_SCRIPT]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=BUILD_TIMEOUT, check=True, text=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise EnvironmentProblem(f"{python} does not print its version: {error}") from error
    return " ".join(done.stdout.split())


def digest_distribution(distribution: Distribution) -> str:
    """A SHA-256 of the hashes of its Python files, which installing does not change; empty without a record."""
    lines = sorted(
        f"{file.as_posix()} {file.hash.value}\n"
        for file in distribution.files or ()
        if file.suffix == ".py" and file.hash
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest() if lines else ""


def list_distributions(site_packages: Path | None) -> dict[str, Distribution]:
    """The distributions in a folder, of the running interpreter for None, by normalised name."""
    every = importlib.metadata.distributions(path=sys.path if site_packages is None else [str(site_packages)])
    return {canonicalize_name(entry.metadata["Name"]): entry for entry in every if entry.metadata["Name"]}


def list_environment(environment: Environment) -> dict[str, Distribution]:
    """The distributions of an environment, by normalised name."""
    return list_distributions(_find_site_packages(environment))


def _find_site_packages(environment: Environment) -> Path:
    folder = Path(environment.python).parent.parent
    if sys.platform == "win32":
        return folder / "Lib" / "site-packages"
    line = ".".join(environment.version.split(".")[:2])
    name = f"pypy{line}" if environment.build == PYPY else f"python{line}{environment.build}"
    return folder / "lib" / name / "site-packages"


def _lock_installed(installed: dict[str, Distribution]) -> tuple[tuple[LockedPackage, ...], tuple[LockedWheel, ...]]:
    packages, wheels = [], []
    for name, distribution in sorted(installed.items()):
        origin = str(json.loads(distribution.read_text("direct_url.json") or "{}").get("url", ""))
        requirement = f"{name}=={distribution.version}"
        if origin.startswith("file:") and origin.endswith(".whl"):
            requirement = ""
            wheels.append(_read_wheel(Path(url2pathname(urlsplit(origin).path))))
        elif origin:
            requirement = f"{name} @ {origin}"
        packages.append(LockedPackage(name, distribution.version, requirement, digest_distribution(distribution)))
    return tuple(packages), tuple(wheels)


def _lock_host(observe: Callable[[str], None]) -> tuple[tuple[LockedPackage, ...], tuple[LockedWheel, ...]]:
    packages, wheels = [], []
    installed = list_distributions(None)
    python = interpreters.find_running_interpreter()
    for text in host.pin_closure():
        part = parse_part(text, HOST_SPEC)
        if isinstance(part, PackageRequirement):
            digest = digest_distribution(installed[part.name])
            packages.append(LockedPackage(part.name, installed[part.name].version, text, digest))
        else:
            wheel = source_wheels.build_wheel(part, python, observe)
            packages.append(LockedPackage(wheel.name, wheel.version, "", ""))
            wheels.append(_read_wheel(Path(wheel.path)))
    return tuple(packages), tuple(wheels)


def _read_wheel(path: Path) -> LockedWheel:
    try:
        return LockedWheel(path.name, path.read_bytes())
    except OSError as error:
        raise EnvironmentProblem(f"{path}: the wheel of an environment cannot be read: {error.strerror}") from error


def describe_differences(expected: Iterable[LockedPackage], installed: dict[str, Distribution]) -> str:
    """How installed packages differ from a lock, in a line; empty if they do not."""
    differences = []
    for package in expected:
        actual = installed.get(package.name)
        if actual is None or actual.version != package.version:
            differences.append(f"{package.name} {actual.version if actual else 'missing'}, not {package.version}")
        elif package.digest and (digest := digest_distribution(actual)) and digest != package.digest:
            differences.append(f"{package.name} {package.version} has other files")
    return "; ".join(differences)
