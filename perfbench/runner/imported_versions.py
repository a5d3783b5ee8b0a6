"""Checks of the packages that a worker imported and of the file that it replayed; other samples are rejected."""

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
"""Placeholder of a worker for the folder of its own environment."""

SHORT_DIGEST_LENGTH = 12
"""Digits of a SHA-256 in messages."""

BLOCK_SIZE = 1 << 20


def find_wrong_import(environment: Environment, packages: Sequence[Package]) -> str:
    """The reason to reject a sample: an import of another version than the environment's, or from outside; else empty."""
    required = {canonicalize_name(name): version for name, version in environment.demanded}
    for package in packages:
        version = required.get(canonicalize_name(package.name))
        if version is not None and not versions.is_same_version(package.version, version):
            return f"imported {package.name} {package.version}, not the requested {version}: sample rejected"
        if version is not None and not package.file.startswith(PREFIX_PLACEHOLDER):
            return f"imported {package.name} from outside of its environment ({package.file}): sample rejected"
    return ""


def find_wrong_file(market: Market, replayed: Replayed | None) -> str:
    """The reason to reject a sample: the replayed file is not the planned one, or was modified; else empty."""
    if replayed is None or replayed.after is None or replayed.before != replayed.after:
        return f"{market.name} was modified while it was replayed: sample rejected"
    sha256 = _hash_replayed_file(market.path, replayed.after)
    if sha256 == market.sha256:
        return ""
    if not sha256:
        return f"{market.name} was modified after it was replayed, before its content was verified: sample rejected"
    return (
        f"replayed another file than the planned {market.name}: "
        f"{replayed.after.size_bytes:,} bytes, SHA-256 {sha256[:SHORT_DIGEST_LENGTH]}…, "
        f"not {market.size_bytes:,} bytes, SHA-256 {market.sha256[:SHORT_DIGEST_LENGTH]}…: sample rejected"
    )


@lru_cache(maxsize=1024)
def _hash_replayed_file(path: str, replayed: Stamp) -> str:
    """The SHA-256 of a file in its replayed state, read once for each state; empty if it was modified since."""
    checksum = hashlib.sha256()
    try:
        with Path(path).open("rb") as file:
            while block := file.read(BLOCK_SIZE):
                checksum.update(block)
    except OSError:
        return ""
    return checksum.hexdigest() if stamp(path) == replayed else ""
