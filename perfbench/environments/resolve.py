"""Resolve the parts of a spec to exact versions with uv, by one of two recipes.

*as published*: the requirements of the releases themselves. Only wheels are installed, except for pure Python packages; an old
release whose pinned C or Rust dependency has no wheel for this Python cannot be resolved this way.

*newest dependencies*: the named releases, and all their dependencies in the newest versions, whatever they pin.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from importlib.metadata import Distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from perfbench.environments import uv, uv_errors
from perfbench.environments.host import MEASURED_PACKAGES, filter_requirements
from perfbench.environments.interpreters import Interpreter
from perfbench.environments.source_wheels import SourceWheel
from perfbench.environments.spec import ModeNeed, PackageRequirement
from perfbench.environments.uv_compile import (
    WHEELS_ONLY_OPTIONS,
    CompileRequest,
    CompileResult,
    build_problem,
    compile_requirements,
    is_compiled,
    parse_name,
    save_preferred_pins,
)

PUBLISHED_RECIPE = "pins"
NEWEST_RECIPE = "newest dependencies"


@dataclass(frozen=True, slots=True)
class Resolution:
    """Exact versions for one Python.

    ``pins`` are requirements with exact versions, ``wheels`` those built from checkouts. ``sdists`` are the packages that have
    no wheel and may be built from source, ``relaxed`` those whose version requirements were dropped. ``named`` are the
    distributions that the spec and the needs name: a worker must import these versions. ``notes`` are notes for the user.
    """

    python: Interpreter
    recipe: str
    pins: tuple[str, ...]
    wheels: tuple[SourceWheel, ...] = ()
    sdists: tuple[str, ...] = ()
    relaxed: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def versions(self) -> dict[str, str]:
        """The exact version of each distribution, except those required from a URL."""
        pinned = (pin.split("==") for pin in self.pins if "==" in pin and " @ " not in pin)
        return {canonicalize_name(name): version for name, version in pinned} | {w.name: w.version for w in self.wheels}


def resolve_versions(
    releases: tuple[PackageRequirement, ...],
    wheels: tuple[SourceWheel, ...],
    python: Interpreter,
    recipe: str,
    retries: int = 2,
) -> Resolution:
    """Resolve the versions for releases and wheels together.

    Raises EnvironmentProblem, PinWithoutWheel if another recipe could help, IndexUnreachable.
    """
    named = tuple(dict.fromkeys([*(release.name for release in releases), *(wheel.name for wheel in wheels)]))
    request = CompileRequest(
        python,
        (*(release.text for release in releases), *map(_format_requirement, wheels)),
        fresh=tuple(release.name for release in releases if not release.pin),
        relaxing=recipe == NEWEST_RECIPE,
        like="dependencies" if recipe == NEWEST_RECIPE else "",
        retries=retries,
    )
    result = (
        _resolve_with_newest(request, releases, wheels) if recipe == NEWEST_RECIPE else compile_requirements(request)
    )
    pins = tuple(pin for pin in result.pins if parse_name(pin) not in {wheel.name for wheel in wheels})
    save_preferred_pins([pin for pin in pins if parse_name(pin) not in {*named, *MEASURED_PACKAGES}], request)
    return Resolution(python, recipe, pins, wheels, result.sdists, result.relaxed, named, result.notes)


def resolve_exact_versions(
    releases: tuple[PackageRequirement, ...], wheels: tuple[SourceWheel, ...], python: Interpreter, retries: int = 2
) -> Resolution:
    """Check exact versions: nothing is resolved, only those without a wheel are found. Raises as ``resolve_versions`` does."""
    result = compile_requirements(
        CompileRequest(python, tuple(release.text for release in releases), alone=True, retries=retries)
    )
    named = [
        name
        for name in (*(part.name for part in releases), *(part.name for part in wheels))
        if name in MEASURED_PACKAGES
    ]
    return Resolution(python, "", result.pins, wheels, result.sdists, named=tuple(named))


def extend_resolution(base: Resolution, needs: tuple[ModeNeed, ...], retries: int = 2) -> Resolution:
    """Add needs to a resolution without changing any of its versions.

    A need that it satisfies already changes nothing. Raises as ``resolve_versions`` does.
    """
    for alone in (False, True):
        missing = [
            need.release for need in needs if need.alone is alone and not is_satisfied(need.release, base.versions)
        ]
        if missing:
            base = _resolve_on_top(base, tuple(missing), alone, retries)
    return replace(base, named=tuple(dict.fromkeys([*base.named, *(need.release.name for need in needs)])))


def _resolve_on_top(
    base: Resolution, releases: tuple[PackageRequirement, ...], alone: bool, retries: int
) -> Resolution:
    versions = base.versions
    # A checkout that is required with the needs satisfies their dependency on its release.
    wheels = () if alone else base.wheels
    relaxing = base.recipe == NEWEST_RECIPE
    request = CompileRequest(
        base.python,
        (*(release.text for release in releases), *map(_format_requirement, wheels)),
        constraints=tuple(
            f"{name}=={versions[name]}" for name in versions if name not in {wheel.name for wheel in wheels}
        ),
        relaxed=base.relaxed,
        sdists=base.sdists,
        alone=alone,
        relaxing=relaxing,
        like="on top" if alone else "dependencies" if relaxing else "",
        retries=retries,
    )
    result = compile_requirements(request)
    added = [pin for pin in result.pins if parse_name(pin) not in versions]
    save_preferred_pins([pin for pin in added if alone or parse_name(pin) not in MEASURED_PACKAGES], request)
    sdists = tuple(dict.fromkeys((*base.sdists, *result.sdists)))
    return replace(base, pins=tuple(sorted((*base.pins, *added))), sdists=sdists)


def is_satisfied(release: PackageRequirement, versions: dict[str, str]) -> bool:
    """Whether one of the versions, by name, satisfies the requirement."""
    if release.name not in versions or release.extras:
        return False
    return Requirement(release.text).specifier.contains(versions[release.name], prereleases=True)


def _resolve_with_newest(
    request: CompileRequest, releases: tuple[PackageRequirement, ...], wheels: tuple[SourceWheel, ...]
) -> CompileResult:
    """Relax the requirements of the named releases, except for the measured packages: flumine keeps its betfairlightweight."""
    python = request.python
    relaxed: dict[str, None] = {}
    for wheel in wheels:
        relaxed |= dict.fromkeys(_list_dependency_names(wheel.requires, wheel.extras, python))
    for release in releases:
        relaxed |= dict.fromkeys(_list_dependency_names(_fetch_metadata(release.text, request), release.extras, python))
    visited = {*(release.name for release in releases), *(wheel.name for wheel in wheels)}
    while True:
        result = compile_requirements(replace(request, relaxed=tuple(relaxed)))
        others = [pin for pin in result.pins if parse_name(pin) in MEASURED_PACKAGES and parse_name(pin) not in visited]
        if not others:
            return result
        for pin in others:
            visited.add(parse_name(pin))
            relaxed |= dict.fromkeys(_list_dependency_names(_fetch_metadata(pin, request), ("speed",), python))


def _list_dependency_names(requires: tuple[str, ...], extras: tuple[str, ...], python: Interpreter) -> list[str]:
    """Names of the required packages, without the measured ones."""
    requirements = filter_requirements(requires, frozenset(extras), python.version)
    return [name for entry in requirements if (name := canonicalize_name(entry.name)) not in MEASURED_PACKAGES]


def _fetch_metadata(requirement: str, request: CompileRequest) -> tuple[str, ...]:
    """The ``Requires-Dist`` lines of a release."""
    with tempfile.TemporaryDirectory(prefix="perfbench-") as workspace:
        target = Path(workspace, "target")
        options = ("--python", request.python.path, "--no-deps", "--target", str(target), *WHEELS_ONLY_OPTIONS)
        result = uv.run_uv("pip", "install", "--quiet", *options, requirement, retries=request.retries)
        if (
            result.code
            and (name := uv_errors.find_package_without_wheel(result.err))
            and not is_compiled(name, request)
        ):
            result = uv.run_uv(
                "pip", "install", "--quiet", *options, "--no-binary", name, requirement, retries=request.retries
            )
        if result.code:
            raise build_problem(result.err, request)
        distributions = [Distribution.at(path) for path in target.glob("*.dist-info")]
        return tuple(line for distribution in distributions for line in distribution.requires or ())


def _format_requirement(wheel: SourceWheel) -> str:
    extras = f"[{','.join(wheel.extras)}]" if wheel.extras else ""
    return f"{wheel.name}{extras} @ {Path(wheel.path).as_uri()}"
