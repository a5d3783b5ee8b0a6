"""Build the environment of a lock: the same build of Python and the same packages as on the machine that locked it, or none."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from packaging.utils import canonicalize_name, parse_wheel_filename

from perfbench.environments import build, cache, host, interpreters, lock, resolve
from perfbench.environments.interpreters import Interpreter
from perfbench.environments.lock import EnvironmentLock, LockedWheel
from perfbench.environments.resolve import Resolution
from perfbench.environments.source_wheels import SourceWheel
from perfbench.environments.spec import PackageRequirement
from perfbench.errors import EnvironmentProblem
from perfbench.model import Checkout, Environment
from perfbench.util import paths
from perfbench.util.files import build_cache_problem, open_atomically


def build_locked_environment(locked: EnvironmentLock, observe: Callable[[str], None]) -> Environment:
    """The environment of a lock on this machine: built, from the cache, or the running interpreter where it is the same.

    Raises EnvironmentProblem with what is different here: the build of Python, a version, the files of a package.
    """
    if locked.is_host and not locked.wheels and _is_same_host(locked):
        return replace(host.describe_host(), name=locked.name)
    python = _choose_interpreter(locked)
    resolution = _resolve(locked, python, tuple(map(_store_wheel, locked.wheels)))
    key = build.compute_environment_key(resolution, locked.copy)
    built = build.build_environment(resolution, key, locked.name, observe)
    folder = cache.environment_folder(key)
    environment = Environment(
        name=locked.name,
        python=str(cache.locate_python(folder)),
        version=built.python.version,
        packages=built.packages,
        demanded=tuple((package.name, package.version) for package in locked.packages if package.name in locked.named),
        recipe=locked.recipe,
        build=python.build,
    )
    if differences := lock.describe_differences(locked.packages, lock.list_environment(environment)):
        raise EnvironmentProblem(f"{locked.name} cannot be built as the plan has it: {differences}")
    return environment


def _is_same_host(locked: EnvironmentLock) -> bool:
    """Whether the interpreter that runs perfbench here is the locked one, with the same packages to measure."""
    running = host.describe_host()
    if lock.read_build(running.python) != locked.build:
        return False
    return not lock.describe_differences(locked.packages, lock.list_distributions(None))


def _choose_interpreter(locked: EnvironmentLock) -> Interpreter:
    """The interpreter of the locked version and build. Raises EnvironmentProblem."""
    installed = interpreters.find_all_builds()
    matching = [python for python in installed if python.version == locked.python]
    if not matching:
        versions = ", ".join(dict.fromkeys(python.version for python in installed)) or "none"
        raise EnvironmentProblem(
            f"{locked.name} needs Python {locked.python}, which is not on this machine; found: {versions}",
            hint=f"install Python {locked.python}",
        )
    builds = {lock.read_build(python.path): python for python in matching}
    if locked.build not in builds:
        raise EnvironmentProblem(
            f"Python {locked.python} is another build here, {_shorten(next(iter(builds)))}, than in the plan, "
            f"{_shorten(locked.build)}",
            hint="install the same build on all machines, such as with `uv python install`",
        )
    return builds[locked.build]


def _shorten(text: str) -> str:
    """The build without the version that stands before it."""
    return text.partition(" ")[2] or text


def _resolve(locked: EnvironmentLock, python: Interpreter, wheels: tuple[SourceWheel, ...]) -> Resolution:
    """The locked versions; uv is asked once which of them have no wheel and are built from source."""
    contents = [(wheel.name, wheel.digest) for wheel in wheels]
    pins = tuple(package.requirement for package in locked.packages if package.requirement)
    key = cache.compute_key("locked", python.key, pins, contents)
    saved = cache.load_note("resolved", key, Resolution)
    if saved is None:
        releases = tuple(
            PackageRequirement(package.requirement, package.name, (), package.version)
            for package in locked.packages
            if package.requirement
        )
        saved = resolve.resolve_exact_versions(releases, (), python) if releases else Resolution(python, "", ())
        cache.save_note("resolved", key, saved)
    return replace(saved, wheels=wheels, recipe=locked.recipe, named=locked.named)


def _store_wheel(wheel: LockedWheel) -> SourceWheel:
    """A wheel in the cache. Raises EnvironmentProblem."""
    digest = hashlib.sha256(wheel.content).hexdigest()
    path = paths.environment_cache_folder() / "wheels" / digest[:24] / Path(wheel.file).name
    try:
        if not path.is_file():
            with open_atomically(path) as file:
                file.write(wheel.content)
    except OSError as error:
        raise build_cache_problem(EnvironmentProblem, path.parent, error) from error
    name, version = parse_wheel_filename(path.name)[:2]
    return SourceWheel(canonicalize_name(name), str(version), digest, str(path), (), (), Checkout(path.name, "", False))
