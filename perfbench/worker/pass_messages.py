"""Answers of a worker about a timed pass and about the output of a check pass."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from perfbench.worker.saved_fields import SavedFields


@dataclass(frozen=True)
class Package(SavedFields):
    """A distribution: its name, its version, and the file that a worker imported (empty if none did)."""

    name: str
    version: str
    file: str = ""


@dataclass(frozen=True)
class PassMeasurement:
    """A timed pass: the work done, its metrics (seconds, bytes), and the numbers that the mode itself reported.

    ``parts`` are the seconds of each file of a batch: CPU seconds, or those that the mode reports.
    """

    work: int
    metrics: Dict[str, float]
    numbers: Dict[str, float]
    packages: List[Package]
    parts: List[float] = field(default_factory=list)


@dataclass(frozen=True)
class OutputDigest:
    """The output of a check pass; ``blocks`` has one digest for every ``block_size`` updates.

    ``undone`` has the digest of the whole output for each set of changes that the request reverts, ``undone_blocks`` its
    blocks; ``traits`` are the values of the scenario's traits for the first update. ``handled``: the books that the strategies of
    a program were given to process, None of anything else. ``seconds``: those of a mode that times itself, taken
    beside others: they say little more than which of two is the slower.
    """

    digest: str
    updates: int
    block_size: int
    blocks: List[str]
    packages: List[Package]
    traits: Dict[str, str] = field(default_factory=dict)
    undone: List[str] = field(default_factory=list)
    undone_blocks: List[List[str]] = field(default_factory=list)
    handled: Optional[int] = None
    seconds: Optional[float] = None


@dataclass(frozen=True)
class OutputItem:
    """One item of output in full; ``number`` counts from 0."""

    number: int
    value: Any
