"""The interpreter that runs perfbench as an environment, and its packages as exact versions to build another from."""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
from collections.abc import Sequence
from functools import cache
from importlib.metadata import Distribution
from urllib.request import url2pathname

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from perfbench.environments import interpreters
from perfbench.environments.spec import HOST_SPEC
from perfbench.model import Environment, Package

MEASURED_PACKAGES = ("betfairlightweight", "flumine")
"""The packages that perfbench measures."""


@cache
def describe_host() -> Environment:
    """The environment of the interpreter that runs perfbench, with all installed packages; perfbench does not modify it."""
    metadata = (distribution.metadata for distribution in importlib.metadata.distributions())
    packages = {canonicalize_name(entry["Name"]): entry["Version"] for entry in metadata if entry["Name"]}
    return Environment(
        name=HOST_SPEC,
        python=sys.executable,
        version=sys.version.split()[0],
        packages=tuple(Package(name, packages[name]) for name in sorted(packages)),
        build=interpreters.find_running_interpreter().build,
    )


def is_installed(package: str) -> bool:
    """Whether a package is installed in the interpreter that runs perfbench."""
    try:
        importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def pin_closure() -> tuple[str, ...]:
    """Parts of a spec with exact versions, for betfairlightweight and flumine as installed here with all that they need."""
    return tuple(pin_packages().values())


def pin_packages() -> dict[str, str]:
    """The parts of ``pin_closure`` by the names of their packages, sorted. Extras of which everything is installed belong to it.

    A package that was installed from a folder or from git is required from there again.
    """
    pins: dict[str, str] = {}
    waiting = [(name, _find_installed_extras(name)) for name in MEASURED_PACKAGES]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        pins[name] = _read_origin(distribution) or f"{name}=={distribution.version}"
        waiting += [
            (canonicalize_name(requirement.name), frozenset(requirement.extras))
            for requirement in filter_requirements(distribution.requires or (), extras, sys.version.split()[0])
        ]
    return {name: pins[name] for name in sorted(pins)}


def _find_installed_extras(name: str) -> frozenset[str]:
    """The extras of a distribution whose requirements are all installed here."""
    if not is_installed(name):
        return frozenset()
    distribution = importlib.metadata.distribution(name)
    lines, python = distribution.requires or (), sys.version.split()[0]
    plain = filter_requirements(lines, frozenset(), python)
    own = {
        extra: [entry for entry in filter_requirements(lines, frozenset([extra]), python) if entry not in plain]
        for extra in distribution.metadata.get_all("Provides-Extra") or ()
    }
    return frozenset(extra for extra, added in own.items() if added and all(is_installed(e.name) for e in added))


def filter_requirements(lines: Sequence[str], extras: frozenset[str], python: str) -> list[Requirement]:
    """The ``Requires-Dist`` lines that apply on this machine for this Python version with these extras."""
    variables = {"python_full_version": python, "python_version": ".".join(python.split(".")[:2])}
    applicable = []
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        marker = requirement.marker
        if marker is None or any(marker.evaluate({**variables, "extra": extra}) for extra in ("", *sorted(extras))):
            applicable.append(requirement)
    return applicable


def _read_origin(distribution: Distribution) -> str:
    """The origin of a distribution that is not from an index, as a part of a spec (packaging.python.org, "direct_url.json")."""
    text = distribution.read_text("direct_url.json")
    if not text:
        return ""
    origin = json.loads(text)
    url = str(origin.get("url", ""))
    if "vcs_info" in origin:
        return f"git+{url}@{origin['vcs_info'].get('commit_id', '')}"
    if "dir_info" in origin and url.startswith("file://"):
        folder = url2pathname(url.removeprefix("file://"))
        return folder if os.path.isdir(folder) else ""
    return ""
