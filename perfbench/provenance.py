"""What a worker really imported: no sample of a wrong version is taken."""

from __future__ import annotations

from collections.abc import Sequence

from packaging.utils import canonicalize_name

from perfbench import claims
from perfbench.model import Environment, Package
from perfbench.worker.protocol import Imported

INSIDE = "{prefix}"
"""How a worker writes the folder of its own environment."""


def imported(packages: Sequence[Imported]) -> tuple[Package, ...]:
    """What a worker says that it imported, as packages."""
    return tuple(Package(package.name, package.version, package.file) for package in packages)


def wrong_import(environment: Environment, packages: Sequence[Package]) -> str:
    """What is wrong with what a worker imported: another version than the environment demands, or not its own; else nothing."""
    demanded = {canonicalize_name(name): version for name, version in environment.demanded}
    for package in packages:
        version = demanded.get(canonicalize_name(package.name))
        if version is not None and not claims.same_version(package.version, version):
            return f"imported {package.name} {package.version}, not the {version} that was asked for: sample refused"
        if version is not None and not package.file.startswith(INSIDE):
            return f"imported {package.name} from outside of its environment, {package.file}: sample refused"
    return ""
