"""What a worker really imported and replayed: no sample of another version or of another file is taken."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from packaging.utils import canonicalize_name

from perfbench.model import Environment, Market, Package
from perfbench.util import versions
from perfbench.worker.files import stamp
from perfbench.worker.protocol import Replayed, Stamp

PREFIX_PLACEHOLDER = "{prefix}"
"""How a worker writes the folder of its own environment."""

SHOWN = 12
"""So many digits of a SHA-256 tell files apart for a reader."""

BLOCK = 1 << 20


def find_wrong_import(environment: Environment, packages: Sequence[Package]) -> str:
    """What is wrong with what a worker imported: another version than the environment demands, or not its own; else nothing."""
    demanded = {canonicalize_name(name): version for name, version in environment.demanded}
    for package in packages:
        version = demanded.get(canonicalize_name(package.name))
        if version is not None and not versions.is_same_version(package.version, version):
            return f"imported {package.name} {package.version}, not the {version} that was asked for: sample refused"
        if version is not None and not package.file.startswith(PREFIX_PLACEHOLDER):
            return f"imported {package.name} from outside of its environment, {package.file}: sample refused"
    return ""


def wrong_file(market: Market, replayed: Replayed | None) -> str:
    """What is wrong with the file that a worker replayed: it is not the planned one, or did not stay the same; else nothing."""
    if replayed is None or replayed.after is None or replayed.before != replayed.after:
        return f"{market.name} was changed while it was replayed: sample refused"
    sha256 = _content(market.path, replayed.after)
    if sha256 == market.sha256:
        return ""
    if not sha256:
        return f"{market.name} was changed after it was replayed, before its content was verified: sample refused"
    return (
        f"replayed another file than the planned {market.name}: "
        f"{replayed.after.size_bytes:,} bytes, SHA-256 {sha256[:SHOWN]}…, "
        f"not {market.size_bytes:,} bytes, SHA-256 {market.sha256[:SHOWN]}…: sample refused"
    )


@lru_cache(maxsize=1024)
def _content(path: str, replayed: Stamp) -> str:
    """The SHA-256 of a file in the state in which it was replayed, read once for each state; empty if it is in another by now."""
    checksum = hashlib.sha256()
    try:
        with Path(path).open("rb") as file:
            while block := file.read(BLOCK):
                checksum.update(block)
    except OSError:
        return ""
    return checksum.hexdigest() if stamp(path) == replayed else ""
