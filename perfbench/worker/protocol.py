"""What host and worker say to each other: one JSON object a line, each a dataclass of this file.

The host writes one ``Request`` and, when the worker is ``Ready`` (and ``Passed``, if it is held), the line ``GO``. The worker
answers with the other classes and ends with ``Done`` or ``Failed``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Dict, List, Optional, Union

GO = "go"

Value = Union[str, int, float, bool]


@dataclass(frozen=True)
class Request:
    """What a worker is to do. ``task`` is ``describe``, ``time``, ``check`` or ``dump``.

    ``core`` pins the worker; ``memory`` adds the peak memory to the sample; ``burn`` makes a pass slower by this share of its CPU
    seconds; ``first`` and ``last`` are the updates of a dump. ``undone`` are sets of names of changes: a check gives a digest for
    each set, a dump undoes the first. ``held``: after the pass it says ``Passed`` and waits for another ``GO``, so that what it
    does then disturbs nobody. ``counted``: nothing is read beside the pass that could make its instructions more or fewer.
    """

    task: str
    scenario: str
    mode: str = ""
    market: Optional[str] = None
    parameters: Dict[str, Value] = field(default_factory=dict)
    core: Optional[int] = None
    memory: bool = False
    burn: float = 0.0
    first: int = 0
    last: int = 0
    undone: List[List[str]] = field(default_factory=list)
    held: bool = False
    counted: bool = False


@dataclass(frozen=True)
class DescribedMode:
    """One mode of a scenario file."""

    name: str
    doc: str
    baseline: bool
    needs: List[str]
    missing: List[str]
    parameters: Dict[str, Value]
    uses_market: bool
    group: str
    floor: bool


@dataclass(frozen=True)
class DescribedClaim:
    """One claim of a scenario file."""

    before: str
    after: str
    ratio: float
    source: str


@dataclass(frozen=True)
class DescribedChange:
    """One announced change of content of a scenario file."""

    name: str
    package: str
    release: str
    fields: List[str]
    reason: str
    trait: str


@dataclass(frozen=True)
class Imported:
    """A package that was really imported: from where, and which version it says it is."""

    name: str
    version: str
    file: str


@dataclass(frozen=True)
class Described:
    """What a scenario file contains."""

    doc: str
    unit: str
    metric: str
    sha256: str
    modes: List[DescribedMode]
    claims: List[DescribedClaim]
    changes: List[DescribedChange]
    packages: List[Imported]


@dataclass(frozen=True)
class Ready:
    """Imported, set up, garbage collected, waiting for ``GO``; start-up in CPU seconds, and the checksum of the scenario file."""

    startup_seconds: float
    scenario: str


@dataclass(frozen=True)
class Passed:
    """The pass is over and what it executed can be read; waiting for another ``GO``."""


@dataclass(frozen=True)
class Measured:
    """One pass: the work done, its metrics (seconds, bytes), the numbers that only the mode knows."""

    work: int
    metrics: Dict[str, float]
    numbers: Dict[str, float]
    packages: List[Imported]


@dataclass(frozen=True)
class Digested:
    """The output of one check pass; ``blocks`` has one digest for every ``block_size`` updates.

    ``undone`` has the digest of the whole output for each set of changes that the request wanted undone, ``undone_blocks`` its
    blocks; ``traits`` is what the scenario's traits say of the first update.
    """

    digest: str
    updates: int
    block_size: int
    blocks: List[str]
    packages: List[Imported]
    traits: Dict[str, str] = field(default_factory=dict)
    undone: List[str] = field(default_factory=list)
    undone_blocks: List[List[str]] = field(default_factory=list)


@dataclass(frozen=True)
class Item:
    """One item of output in full; ``number`` counts from 0."""

    number: int
    value: Any


@dataclass(frozen=True)
class Failed:
    """The worker could not do it: why, in one line, and the traceback."""

    message: str
    detail: str


@dataclass(frozen=True)
class Done:
    """Nothing more comes."""


ANSWERS = {kind.__name__: kind for kind in (Described, Ready, Passed, Measured, Digested, Item, Failed, Done)}


def encode(message: Any) -> bytes:
    """One line of the protocol, with its newline. Raises ValueError for NaN and infinity, which JSON does not have."""
    return (json.dumps({"say": type(message).__name__, **asdict(message)}, allow_nan=False) + "\n").encode()
