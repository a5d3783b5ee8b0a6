"""From what was asked for to exact versions, by uv, in one of two recipes.

*as published*: what the releases themselves demand. Only wheels are installed, but for packages that never had anything to
compile; an old release whose pinned C or Rust dependency has no wheel for this Python cannot be had this way.

*newest dependencies*: the named releases as they are, and all that they need in the newest versions, whatever they pin.
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
    no wheel and may be built from source, ``relaxed`` those whose demanded versions were dropped. ``named`` are the
    distributions that the spec and the needs name: a worker may import no other version of them. ``remarks`` are for the user.
    """

    python: Interpreter
    recipe: str
    pins: tuple[str, ...]
    wheels: tuple[SourceWheel, ...] = ()
    sdists: tuple[str, ...] = ()
    relaxed: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def versions(self) -> dict[str, str]:
        """The exact version of each distribution, but for what is required from a URL."""
        pinned = (pin.split("==") for pin in self.pins if "==" in pin and " @ " not in pin)
        return {canonicalize_name(name): version for name, version in pinned} | {w.name: w.version for w in self.wheels}


def resolve_versions(
    releases: tuple[PackageRequirement, ...],
    wheels: tuple[SourceWheel, ...],
    python: Interpreter,
    recipe: str,
    retries: int = 2,
) -> Resolution:
    """The versions for releases and wheels together.

    Raises EnvironmentProblem with the reason why there are none, NeedsNewest if another recipe could help, Unreachable if
    the index is needed and cannot be asked.
    """
    named = tuple(dict.fromkeys([*(one.name for one in releases), *(wheel.name for wheel in wheels)]))
    question = CompileRequest(
        python,
        (*(release.text for release in releases), *map(_format_requirement, wheels)),
        fresh=tuple(release.name for release in releases if not release.pin),
        relaxing=recipe == NEWEST_RECIPE,
        like="dependencies" if recipe == NEWEST_RECIPE else "",
        retries=retries,
    )
    found = (
        _resolve_with_newest(question, releases, wheels) if recipe == NEWEST_RECIPE else compile_requirements(question)
    )
    pins = tuple(pin for pin in found.pins if parse_name(pin) not in {wheel.name for wheel in wheels})
    save_preferred_pins([pin for pin in pins if parse_name(pin) not in {*named, *MEASURED_PACKAGES}], question)
    return Resolution(python, recipe, pins, wheels, found.sdists, found.relaxed, named, found.remarks)


def resolve_exact_versions(
    releases: tuple[PackageRequirement, ...], wheels: tuple[SourceWheel, ...], python: Interpreter, retries: int = 2
) -> Resolution:
    """Exact versions as they are: nothing is resolved, only found out which have no wheel. Raises as ``resolve`` does."""
    found = compile_requirements(
        CompileRequest(python, tuple(release.text for release in releases), alone=True, retries=retries)
    )
    named = [
        name for name in (*(one.name for one in releases), *(one.name for one in wheels)) if name in MEASURED_PACKAGES
    ]
    return Resolution(python, "", found.pins, wheels, found.sdists, named=tuple(named))


def extend_resolution(base: Resolution, needs: tuple[ModeNeed, ...], retries: int = 2) -> Resolution:
    """The base with the needs on top: every version of the base stays as it is.

    A need that the base has already, in a version that fits, changes nothing. Raises as ``resolve`` does.
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
    there = base.versions
    # Demanded beside the needs, a checkout stands for the release that they may depend on.
    beside = () if alone else base.wheels
    relaxing = base.recipe == NEWEST_RECIPE
    question = CompileRequest(
        base.python,
        (*(release.text for release in releases), *map(_format_requirement, beside)),
        constraints=tuple(f"{name}=={there[name]}" for name in there if name not in {wheel.name for wheel in beside}),
        relaxed=base.relaxed,
        sdists=base.sdists,
        alone=alone,
        relaxing=relaxing,
        like="on top" if alone else "dependencies" if relaxing else "",
        retries=retries,
    )
    found = compile_requirements(question)
    added = [pin for pin in found.pins if parse_name(pin) not in there]
    save_preferred_pins([pin for pin in added if alone or parse_name(pin) not in MEASURED_PACKAGES], question)
    sdists = tuple(dict.fromkeys((*base.sdists, *found.sdists)))
    return replace(base, pins=tuple(sorted((*base.pins, *added))), sdists=sdists)


def is_satisfied(release: PackageRequirement, there: dict[str, str]) -> bool:
    """Whether one of the installed versions, by name, is what the release demands."""
    if release.name not in there or release.extras:
        return False
    return Requirement(release.text).specifier.contains(there[release.name], prereleases=True)


def _resolve_with_newest(
    question: CompileRequest, releases: tuple[PackageRequirement, ...], wheels: tuple[SourceWheel, ...]
) -> CompileResult:
    """Relax what the named releases demand, but for the packages that are measured: flumine keeps its betfairlightweight."""
    python = question.python
    relaxed: dict[str, None] = {}
    for wheel in wheels:
        relaxed |= dict.fromkeys(_list_dependency_names(wheel.requires, wheel.extras, python))
    for release in releases:
        relaxed |= dict.fromkeys(
            _list_dependency_names(_fetch_metadata(release.text, question), release.extras, python)
        )
    looked_at = {*(release.name for release in releases), *(wheel.name for wheel in wheels)}
    while True:
        found = compile_requirements(replace(question, relaxed=tuple(relaxed)))
        others = [
            pin for pin in found.pins if parse_name(pin) in MEASURED_PACKAGES and parse_name(pin) not in looked_at
        ]
        if not others:
            return found
        for pin in others:
            looked_at.add(parse_name(pin))
            relaxed |= dict.fromkeys(_list_dependency_names(_fetch_metadata(pin, question), ("speed",), python))


def _list_dependency_names(requires: tuple[str, ...], extras: tuple[str, ...], python: Interpreter) -> list[str]:
    """Names of what is required, without what is measured."""
    found = filter_requirements(requires, frozenset(extras), python.version)
    return [name for one in found if (name := canonicalize_name(one.name)) not in MEASURED_PACKAGES]


def _fetch_metadata(requirement: str, question: CompileRequest) -> tuple[str, ...]:
    """The ``Requires-Dist`` lines of a release."""
    with tempfile.TemporaryDirectory(prefix="perfbench-") as space:
        target = Path(space, "target")
        options = ("--python", question.python.path, "--no-deps", "--target", str(target), *WHEELS_ONLY_OPTIONS)
        said = uv.run_uv("pip", "install", "--quiet", *options, requirement, retries=question.retries)
        if said.code and (name := uv_errors.find_package_without_wheel(said.err)) and not is_compiled(name, question):
            said = uv.run_uv(
                "pip", "install", "--quiet", *options, "--no-binary", name, requirement, retries=question.retries
            )
        if said.code:
            raise build_problem(said.err, question)
        lines = [Distribution.at(path).requires or [] for path in target.glob("*.dist-info")]
        return tuple(line for some in lines for line in some)


def _format_requirement(wheel: SourceWheel) -> str:
    extras = f"[{','.join(wheel.extras)}]" if wheel.extras else ""
    return f"{wheel.name}{extras} @ {Path(wheel.path).as_uri()}"
