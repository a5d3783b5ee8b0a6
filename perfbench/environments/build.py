"""Build the virtual environment of a resolution: created by uv, checked, and marked as finished."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import msgspec
from packaging.utils import canonicalize_name
from packaging.version import Version

from perfbench.environments import cache, uv, uv_errors
from perfbench.environments.cache import EnvironmentMarker
from perfbench.environments.process import ProcessResult
from perfbench.environments.resolve import Resolution
from perfbench.environments.uv_compile import WHEELS_ONLY_OPTIONS
from perfbench.errors import EnvironmentProblem
from perfbench.model import Package
from perfbench.util import paths
from perfbench.util.activity import doing
from perfbench.util.files import build_cache_problem

PROBE_SCRIPT = """
import json, os, sys
from importlib.metadata import distributions
found = {d.metadata["Name"]: [d.version, [str(d.locate_file(f)) for f in d.files or () if str(f).endswith(".py")]]
         for d in distributions()}
broken = []
for name in sys.argv[1:]:
    for file in found.get(name, ["", []])[1]:
        try:
            with open(file, "rb") as source:
                compile(source.read(), file, "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            broken.append([os.path.relpath(file, os.path.dirname(json.__file__)), file, getattr(error, "lineno", 0) or 0,
                           getattr(error, "msg", None) or str(error)])
print(json.dumps({"version": sys.version.split()[0], "prefix": sys.prefix, "broken": broken,
                  "packages": {name: version for name, (version, _) in found.items()}}))
"""
"""Prints facts of the new environment; with names of distributions, also which of their files do not compile."""


BUILD_POLL_SECONDS = 0.1
"""How often an environment is looked for that another perfbench builds now."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """Facts of the new environment. ``broken`` has site-relative path, path, line and message of files that do not compile."""

    version: str
    prefix: str
    packages: dict[str, str]
    broken: list[tuple[str, str, int, str]]


def compute_environment_key(resolution: Resolution, copy: int) -> str:
    """The key of the environment in the cache: a hash of its resolution."""
    wheels = [(wheel.name, wheel.digest, wheel.extras) for wheel in resolution.wheels]
    python = resolution.python
    return cache.compute_key(
        "environment", python.path, python.version, resolution.recipe, resolution.pins, wheels, copy
    )


def build_environment(resolution: Resolution, key: str, spec: str, observe: Callable[[str], None]) -> EnvironmentMarker:
    """Build an environment unless it is cached; its lock is shared until perfbench ends.

    Raises EnvironmentProblem, and leaves nothing partly built.
    """
    waiting = f"waiting for another perfbench to build {spec}"
    with cache.get_thread_lock(key):
        is_waiting = False
        while True:
            # Another process may prune it between the end of the build and the shared lock: build it again.
            if cache.acquire_shared_lock(key) and (built := cache.load_marker(key)):
                cache.record_use(key)
                return built
            cache.release_shared_lock(key)
            if (lock := cache.acquire_build_lock(key)) is not None:
                try:
                    if not cache.load_marker(key):
                        observe(f"building {spec} on Python {resolution.python.label}")
                        with doing(f"building {spec}"):
                            _build_locked(resolution, key, spec, lock)
                finally:
                    os.close(lock)
                continue
            # Who builds it shares the lock afterwards until it ends: an exclusive lock would wait for its whole run.
            if not is_waiting:
                is_waiting = True
                observe(waiting)
            with doing(waiting):
                time.sleep(BUILD_POLL_SECONDS)


def _build_locked(resolution: Resolution, key: str, spec: str, lock: int) -> None:
    cache.remove_environment(key)
    try:
        _install_packages(resolution, cache.environment_folder(key), lock)
        probe = _run_probe(cache.environment_folder(key), resolution)
        _check_probe(probe, resolution, cache.environment_folder(key))
        packages = tuple(
            Package(name, version) for name, version in sorted(_canonicalize_names(probe.packages).items())
        )
        cache.write_marker(
            key,
            EnvironmentMarker(
                spec,
                resolution.recipe,
                resolution.python,
                cache.compute_stamp(resolution.python.path),
                datetime.now(timezone.utc).isoformat(timespec="seconds"),
                packages,
                tuple(wheel.checkout for wheel in resolution.wheels),
            ),
        )
    except OSError as error:
        cache.remove_environment(key)
        raise build_cache_problem(EnvironmentProblem, paths.environment_cache_folder(), error) from error
    except BaseException:
        cache.remove_environment(key)
        raise


def _install_packages(resolution: Resolution, folder: Path, lock: int) -> None:
    python = resolution.python.path
    _require_success(uv.run_uv("venv", "--quiet", "--python", python, "--no-project", str(folder), lock=lock), folder)
    lines = [*resolution.pins, *(f"{wheel.name} @ {Path(wheel.path).as_uri()}" for wheel in resolution.wheels)]
    if not lines:
        return
    with tempfile.TemporaryDirectory(prefix="perfbench-") as workspace:
        requirements = Path(workspace, "resolved.txt")
        requirements.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        sdists = [part for name in resolution.sdists for part in ("--no-binary", name)]
        target = ("--python", str(cache.locate_python(folder)), "--requirement", str(requirements))
        options = ("--quiet", "--no-deps", "--compile-bytecode", *WHEELS_ONLY_OPTIONS, *sdists)
        _require_success(uv.run_uv("pip", "install", *target, *options, lock=lock), folder)


def _require_success(result: ProcessResult, folder: Path) -> None:
    if not result.code:
        return
    problem = uv_errors.build_problem(result.err)
    if (
        uv_errors.find_failed_build(result.err)
        and type(problem) is EnvironmentProblem
        and uv_errors.DISK_FULL_MESSAGE not in result.err
    ):
        log = cache.save_log(f"build-{folder.name[:12]}", result.out + result.err)
        raise EnvironmentProblem(problem.cause + (f" (full log: {log})" if log else ""))
    raise problem


def _run_probe(folder: Path, resolution: Resolution) -> ProbeResult:
    sources = [wheel.name for wheel in resolution.wheels]
    try:
        done = subprocess.run(
            [str(cache.locate_python(folder)), "-I", "-c", PROBE_SCRIPT, *sources],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=True,
        )
        return msgspec.json.decode(done.stdout, type=ProbeResult)
    except (OSError, subprocess.SubprocessError, msgspec.MsgspecError) as error:
        raise EnvironmentProblem(
            f"Python {resolution.python.label} of the new environment does not work: {error}"
        ) from error


def _check_probe(probe: ProbeResult, resolution: Resolution, folder: Path) -> None:
    """Compare the installed packages with the resolution. Raises EnvironmentProblem."""
    if Path(probe.prefix).resolve() != folder.resolve() or probe.version != resolution.python.version:
        raise EnvironmentProblem(f"the new environment is Python {probe.version} in {probe.prefix}, not the one built")
    for _, path, line, message in probe.broken:
        raise EnvironmentProblem(f"{_find_in_checkout(path, resolution)}:{line}: {message}")
    installed = _canonicalize_names(probe.packages)
    for name, version in resolution.versions.items():
        actual = installed.get(canonicalize_name(name))
        if actual is None or Version(actual) != Version(version):
            raise EnvironmentProblem(f"{name} {version} was requested, {actual or 'nothing'} was installed")


def _find_in_checkout(path: str, resolution: Resolution) -> str:
    """The file of the checkout that was installed under this path, if it is found."""
    parts = Path(path).parts
    inside = Path(*parts[parts.index("site-packages") + 1 :]) if "site-packages" in parts else Path(path)
    for wheel in resolution.wheels:
        for root in (Path(wheel.checkout.path), Path(wheel.checkout.path, "src")):
            if (root / inside).is_file():
                return str(root / inside)
    return str(inside)


def _canonicalize_names(packages: dict[str, str]) -> dict[str, str]:
    return {canonicalize_name(name): version for name, version in packages.items()}
