"""The manifest ``sample_data/MANIFEST.toml``: every known market file with its source and SHA-256."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from perfbench.util import paths

MANIFEST_FILE = "MANIFEST.toml"


@dataclass(frozen=True, slots=True)
class SourceDistribution:
    """A source distribution on the package index with known files."""

    name: str
    version: str
    file: str
    sha256: str
    licence: str


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A known market file; ``source`` is the name of a ``SourceDistribution``, or ``bundled`` for a shipped file.

    ``member`` is its path inside the source; ``lines``, ``markets`` and ``runners`` are counts, ``content`` is a description.
    """

    name: str
    source: str
    member: str
    sha256: str
    size_bytes: int
    licence: str
    lines: int
    markets: int
    runners: int
    content: str

    @property
    def bundled(self) -> bool:
        """Whether it is shipped with perfbench."""
        return self.source == "bundled"


@dataclass(frozen=True, slots=True)
class Manifest:
    """The manifest. ``default`` is the file that is measured without ``--data``, ``fallback`` the shipped one used instead."""

    default: str
    fallback: str
    sources: tuple[SourceDistribution, ...]
    files: tuple[KnownFile, ...]


def load_manifest() -> Manifest:
    """Read the shipped manifest."""
    text = (paths.bundled_folder("sample_data") / MANIFEST_FILE).read_bytes()
    return msgspec.toml.decode(text, type=Manifest)


def list_known_files() -> tuple[KnownFile, ...]:
    """Every known file, in the order of the manifest."""
    return load_manifest().files


def locate_file(file: KnownFile) -> Path:
    """The path of a known file, whether it is available or not."""
    return (paths.bundled_folder("sample_data") if file.bundled else paths.market_cache_folder()) / file.name


def is_available(file: KnownFile) -> bool:
    """Whether a known file is shipped or pulled."""
    return locate_file(file).is_file()
