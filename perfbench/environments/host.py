"""What is installed beside perfbench, as an environment, and as exact versions from which another can be built."""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
from functools import cache
from importlib.metadata import Distribution
from urllib.request import url2pathname

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from perfbench.environments.spec import HOST_SPEC
from perfbench.model import Environment, Package

MEASURED_PACKAGES = ("betfairlightweight", "flumine")
"""The packages that perfbench is about."""


@cache
def describe_host() -> Environment:
    """The environment of the interpreter that runs perfbench, with all that is installed there: perfbench does not change it."""
    told = (found.metadata for found in importlib.metadata.distributions())  # read anew whenever it is asked for
    packages = {canonicalize_name(one["Name"]): one["Version"] for one in told if one["Name"]}
    return Environment(
        name=HOST_SPEC,
        python=sys.executable,
        version=sys.version.split()[0],
        packages=tuple(Package(name, packages[name]) for name in sorted(packages)),
    )


def is_installed(package: str) -> bool:
    """Whether a package is installed beside perfbench."""
    try:
        importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def pin_closure() -> tuple[str, ...]:
    """Parts of a spec with exact versions, for betfairlightweight and flumine as installed here with all that they need.

    A package that was installed from a folder or from git is required from there again.
    """
    found: dict[str, str] = {}
    waiting = [(name, frozenset[str]()) for name in MEASURED_PACKAGES]
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
        found[name] = _read_origin(distribution) or f"{name}=={distribution.version}"
        waiting += [
            (canonicalize_name(one.name), frozenset(one.extras))
            for one in filter_requirements(distribution.requires or (), extras, sys.version.split()[0])
        ]
    return tuple(found[name] for name in sorted(found))


def filter_requirements(lines: list[str] | tuple[str, ...], extras: frozenset[str], python: str) -> list[Requirement]:
    """Those of the ``Requires-Dist`` lines that count on this machine for this Python version with these extras."""
    marks = {"python_full_version": python, "python_version": ".".join(python.split(".")[:2])}
    wanted = []
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        marker = requirement.marker
        if marker is None or any(marker.evaluate({**marks, "extra": extra}) for extra in ("", *sorted(extras))):
            wanted.append(requirement)
    return wanted


def _read_origin(distribution: Distribution) -> str:
    """Where it was installed from if not from an index, as a part of a spec (packaging.python.org, "direct_url.json")."""
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
