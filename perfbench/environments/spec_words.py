"""Words added to an environment spec: packages of the same name, the Python and settings are replaced."""

from __future__ import annotations

from collections.abc import Mapping

from packaging.requirements import Requirement

from perfbench.environments.spec import (
    HOST_SPEC,
    GitRepository,
    LocalCheckout,
    PackageRequirement,
    SpecPart,
    format_repository,
    parse_part,
    parse_spec,
)
from perfbench.environments.start_settings import VARIABLE_PREFIX, name_flag


def add_words(spec: str, words: str, names: Mapping[str, str]) -> str:
    """The spec with more words, such as ``python==3.13``, ``env:PYTHONMALLOC=malloc`` or ``betfairlightweight[speed]``.

    A package without a version keeps that of the spec. ``names`` are the configured names of specs.

    Raises UsageProblem for a spec or words that are not valid.
    """
    base, added = parse_spec(spec, names), parse_spec(f"{HOST_SPEC} {words}", {})
    own = {release.name: release for release in base.releases}
    changed = {release.name: _keep_version(release, own.get(release.name)) for release in added.releases}
    kept = [part for part in base.parts if not (isinstance(part, PackageRequirement) and part.name in changed)]
    sources = [part for part in added.parts if not isinstance(part, PackageRequirement)]
    python = added.python or base.python
    variables = {**dict(base.settings.variables), **dict(added.settings.variables)}
    flags = {name_flag(flag): flag for flag in (*base.settings.flags, *added.settings.flags)}
    return " ".join(
        (
            *((HOST_SPEC,) if base.is_here else ()),
            *map(format_part, (*kept, *changed.values(), *sources)),
            *((f"python=={python}",) if python else ()),
            *flags.values(),
            *(f"{VARIABLE_PREFIX}{name}={value}" for name, value in sorted(variables.items())),
        )
    )


def format_part(part: SpecPart) -> str:
    """A part as a word of a spec."""
    if isinstance(part, PackageRequirement):
        return part.text.replace(" ", "")
    if isinstance(part, GitRepository):
        return format_repository(part)
    return format_checkout(part)


def format_checkout(checkout: LocalCheckout) -> str:
    """A checkout as a word of a spec."""
    return f"{checkout.path}[{','.join(checkout.extras)}]" if checkout.extras else checkout.path


def _keep_version(added: PackageRequirement, own: PackageRequirement | None) -> PackageRequirement:
    """The added package with the extras of the spec, and in its version if it names none itself."""
    if own is None:
        return added
    extras = sorted({*own.extras, *added.extras})
    version = Requirement(added.text).specifier or Requirement(own.text).specifier
    name = f"{added.name}[{','.join(extras)}]" if extras else added.name
    part = parse_part(f"{name}{version}".replace(" ", ""), added.text)
    assert isinstance(part, PackageRequirement)
    return part
