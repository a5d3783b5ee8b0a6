"""``here`` with some packages changed, or on another Python: what is kept of the installed packages, and what is resolved again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from perfbench.environments import host, resolve
from perfbench.environments.host import MEASURED_PACKAGES
from perfbench.environments.interpreters import Interpreter
from perfbench.environments.resolve import NEWEST_RECIPE, Resolution
from perfbench.environments.source_wheels import SourceWheel
from perfbench.environments.spec import (
    HOST_SPEC,
    EnvironmentSpec,
    GitRepository,
    LocalCheckout,
    PackageRequirement,
    SpecPart,
    parse_part,
)
from perfbench.environments.uv_errors import IndexUnreachable
from perfbench.errors import EnvironmentProblem


@dataclass(frozen=True, slots=True)
class HostChange:
    """The ``parts`` that a spec adds to ``here``, and what is ``kept`` of the packages that are installed here.

    ``named`` are the measured packages and those that the spec names.
    """

    parts: tuple[SpecPart, ...]
    kept: tuple[SpecPart, ...]
    named: tuple[str, ...]

    def list_others(self, spec: EnvironmentSpec) -> tuple[SpecPart, ...]:
        """The parts that do not stand in the spec itself."""
        return (*(part for part in self.parts if part not in spec.parts), *self.kept)


def change_host(spec: EnvironmentSpec, wheels: Sequence[SourceWheel]) -> HostChange:
    """What a spec changes of the installed packages. A part without a version keeps the installed one.

    :param wheels: of the checkouts of the spec, whose names replace installed packages too.
    """
    installed = host.pin_packages()
    parts = tuple(_keep_version(part, installed) for part in spec.parts)
    own = {release.name for release in spec.releases} | {wheel.name for wheel in wheels}
    kept = tuple(parse_part(text, HOST_SPEC) for name, text in installed.items() if name not in own)
    named = (*own, *(name for name in MEASURED_PACKAGES if name in installed))
    return HostChange(parts, kept, tuple(sorted(set(named))))


def _keep_version(part: SpecPart, installed: Mapping[str, str]) -> SpecPart:
    """``name[extra]`` as it is installed here: in its version, or from its checkout; any other part as it is."""
    if not isinstance(part, PackageRequirement) or part.name not in installed:
        return part
    if any(operator in part.text for operator in "<>=!~"):
        return part
    same = parse_part(installed[part.name], HOST_SPEC)
    if isinstance(same, LocalCheckout | GitRepository):
        return replace(same, extras=part.extras)
    extras = f"[{','.join(part.extras)}]" if part.extras else ""
    return parse_part(f"{part.name}{extras}=={same.pin}", HOST_SPEC)


def resolve_changed_host(
    change: HostChange,
    releases: Sequence[PackageRequirement],
    wheels: tuple[SourceWheel, ...],
    python: Interpreter,
    recipe: str,
    retries: int,
) -> Resolution:
    """The installed versions with the changes. Where they do not fit together, only the named packages keep theirs.

    Raises as ``resolve_versions`` does.
    """
    named = tuple(release for release in releases if release.name in change.named)
    resolution = None
    if recipe != NEWEST_RECIPE:
        with _suppress_conflicts():
            resolution = resolve.resolve_versions(tuple(releases), wheels, python, recipe, retries)
    if resolution is None:
        resolution = resolve.resolve_versions(named, wheels, python, recipe, retries)
    return replace(resolution, named=tuple(name for name in resolution.named if name in change.named))


@contextmanager
def _suppress_conflicts() -> Iterator[None]:
    """Suppress the error of versions that do not fit together. Raises IndexUnreachable."""
    try:
        yield
    except IndexUnreachable:
        raise
    except EnvironmentProblem:
        return
