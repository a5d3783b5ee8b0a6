"""What this machine and the package index have that a lever may propose: Pythons, and the newest releases."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from perfbench.environments import interpreters, package_index
from perfbench.environments.host import MEASURED_PACKAGES
from perfbench.environments.interpreters import PYPY, Interpreter
from perfbench.errors import EnvironmentProblem, UsageProblem
from perfbench.model import Environment

PYTHONS_LEVER, RELEASES_LEVER = "python_versions", "releases"
"""The levers that propose these: without them nothing is looked for, and the package index is not asked."""


def list_available(
    environment: Environment, levers: Collection[str], observe: Callable[[str], None]
) -> tuple[str, ...]:
    """Words of environment specs, such as ``python==3.13`` and ``flumine==3.3.2``: Pythons of this machine and newer releases.

    :param environment: that of the user's set-up; :param levers: the names of those that are tried.
    :param observe: receives a line if the index does not answer.
    """
    builds = interpreters.find_all_builds() if PYTHONS_LEVER in levers else ()
    releases = _list_releases(environment, observe) if RELEASES_LEVER in levers else []
    return (*list_pythons(environment.version, builds), *releases)


def list_pythons(version: str, installed: Sequence[Interpreter]) -> tuple[str, ...]:
    """A word for each newer minor version of CPython, and for the newest PyPy.

    Older versions are slower. A free-threaded build gains only where several threads work, which a simulation does not.

    :param version: of the Python that is in use.
    """
    current = _minor(version)
    newer = {_minor(python.version) for python in installed if not python.build} - {current}
    words = [f"python=={major}.{minor}" for major, minor in sorted(newer) if (major, minor) > current]
    pypies = [_minor(python.version) for python in installed if python.build == PYPY]
    return (*words, *(f"pypy=={major}.{minor}" for major, minor in sorted(pypies)[-1:]))


def _list_releases(environment: Environment, observe: Callable[[str], None]) -> list[str]:
    """The newest release of each measured package that is newer than the installed one."""
    installed: dict[str, str] = {canonicalize_name(package.name): package.version for package in environment.packages}
    words: list[str] = []
    for name in MEASURED_PACKAGES:
        if name not in installed:
            continue
        try:
            newest = package_index.list_releases(name)[-1:]
        except (EnvironmentProblem, UsageProblem) as problem:
            observe(f"newer releases are not tried: {problem}")
            return words
        words += [f"{name}=={version}" for version in newest if _is_newer(version, installed[name])]
    return words


def _is_newer(version: str, than: str) -> bool:
    try:
        return Version(version) > Version(than)
    except InvalidVersion:
        return False


def _minor(version: str) -> tuple[int, int]:
    major, minor, *_ = version.split(".")
    return int(major), int(minor)
