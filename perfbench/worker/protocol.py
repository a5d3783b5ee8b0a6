"""What host and worker say to each other: one JSON object a line, each a dataclass of this file.

The host writes one ``Request`` and, when the worker is ``Ready`` (and ``Passed``, if it is held), the line ``GO``. The worker
answers with the other classes and ends with ``Done`` or ``Failed``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Dict, List, Optional, Union

GO = "go"

ParameterValue = Union[str, int, float, bool]


@dataclass(frozen=True)
class Request:
    """What a worker is to do. ``task`` is ``describe``, ``time``, ``check``, ``dump``, ``profile``, ``watch``,
    ``trace``, ``resolve`` or ``name``.

    ``core`` pins the worker; ``memory`` adds the peak memory to the sample; ``burn`` makes a pass slower by this share of its CPU
    seconds; ``first`` and ``last`` are the updates of a dump. ``undone`` are sets of names of changes: a check gives a digest for
    each set, a dump undoes the first. ``held``: after the pass it says ``Passed`` and waits for another ``GO``, so that what it
    does then disturbs nobody. ``counted``: nothing is read beside the pass that could make its instructions more or fewer.
    ``by_function``: Python functions are called over trampolines, which it says as ``Addressed`` before it says ``Measured``.
    ``name`` says what the functions of these ``files`` and qualified ``names`` are called in every environment.

    ``profile`` runs the pass under the ``profiler`` of that name (a file of ``worker/profilers``), which writes its own
    ``artefact`` and samples every ``interval`` seconds, or looks at the ``function`` ``module:name``. ``watch`` says when the
    updates of the numbers ``marks`` (from 0) came and when garbage was collected; ``trace`` how long each update took.
    ``resolve`` looks the ``function`` up as the ``profiler`` will, and runs no pass.
    """

    task: str
    scenario: str
    mode: str = ""
    market: Optional[str] = None
    parameters: Dict[str, ParameterValue] = field(default_factory=dict)
    core: Optional[int] = None
    memory: bool = False
    burn: float = 0.0
    first: int = 0
    last: int = 0
    undone: List[List[str]] = field(default_factory=list)
    held: bool = False
    counted: bool = False
    by_function: bool = False
    files: List[str] = field(default_factory=list)
    names: List[str] = field(default_factory=list)
    profiler: str = ""
    artefact: str = ""
    interval: float = 0.001
    function: str = ""
    marks: List[int] = field(default_factory=list)


@dataclass(frozen=True)
class DescribedMode:
    """One mode of a scenario file."""

    name: str
    doc: str
    baseline: bool
    needs: List[str]
    missing: List[str]
    parameters: Dict[str, ParameterValue]
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
    metric: str
    text: str
    better: str


@dataclass(frozen=True)
class DescribedMetric:
    """A number that the modes of a scenario report; ``better`` is ``lower``, ``higher`` or ``neither``."""

    name: str
    unit: str
    better: str


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
class DescribedOwner:
    """A part of the work, and patterns of the functions that do it."""

    name: str
    patterns: List[str]


@dataclass(frozen=True)
class ImportedPackage:
    """A package that was really imported: from where, and which version it says it is."""

    name: str
    version: str
    file: str


@dataclass(frozen=True)
class DescribedScenario:
    """What a scenario file contains."""

    doc: str
    unit: str
    metric: str
    sha256: str
    modes: List[DescribedMode]
    claims: List[DescribedClaim]
    changes: List[DescribedChange]
    packages: List[ImportedPackage]
    owners: List[DescribedOwner] = field(default_factory=list)
    metrics: List[DescribedMetric] = field(default_factory=list)
    quick: Dict[str, ParameterValue] = field(default_factory=dict)


@dataclass(frozen=True)
class Ready:
    """Imported, set up, garbage collected, waiting for ``GO``; start-up in CPU seconds, and the checksum of the scenario file."""

    startup_seconds: float
    scenario: str


@dataclass(frozen=True)
class PassCompleted:
    """The pass is over and what it executed can be read; waiting for another ``GO``."""


@dataclass(frozen=True)
class PassMeasurement:
    """One pass: the work done, its metrics (seconds, bytes), the numbers that only the mode knows."""

    work: int
    metrics: Dict[str, float]
    numbers: Dict[str, float]
    packages: List[ImportedPackage]


@dataclass(frozen=True)
class OutputDigest:
    """The output of one check pass; ``blocks`` has one digest for every ``block_size`` updates.

    ``undone`` has the digest of the whole output for each set of changes that the request wanted undone, ``undone_blocks`` its
    blocks; ``traits`` is what the scenario's traits say of the first update.
    """

    digest: str
    updates: int
    block_size: int
    blocks: List[str]
    packages: List[ImportedPackage]
    traits: Dict[str, str] = field(default_factory=dict)
    undone: List[str] = field(default_factory=list)
    undone_blocks: List[List[str]] = field(default_factory=list)


@dataclass(frozen=True)
class OutputItem:
    """One item of output in full; ``number`` counts from 0."""

    number: int
    value: Any


@dataclass(frozen=True)
class NamedFunction:
    """A function as a profiler met it.

    ``key`` is its path inside its package and its qualified name, no line:
    ``betfairlightweight/streaming/cache.py:Available.update``. ``kind``: ``library``, ``standard`` (library), ``scenario``,
    ``user`` (a file elsewhere), ``perfbench`` or ``built-in``. ``shape`` is the same for functions of the same code, whatever
    they are called; empty if there is no source.
    """

    key: str
    kind: str
    line: int
    shape: str


@dataclass(frozen=True)
class TrampolineAddresses:
    """The Python functions that a pass called over trampolines: the address of each (hexadecimal), its file and qualified name.

    One that was made more than once has as many addresses. It is ``Named`` by another worker, which is not slowed down.
    """

    addresses: List[str]
    files: List[str]
    names: List[str]


@dataclass(frozen=True)
class FunctionNames:
    """The functions of the files and qualified names that were asked for, in the same order."""

    functions: List[NamedFunction]


@dataclass(frozen=True)
class CpuProfile:
    """A pass under a profiler of the CPU. ``stacks`` are indices of ``functions``, outermost first, with the ``seconds`` of each.

    ``samples`` were taken in all, ``capped`` seconds of them left out because the process did not run. ``calls`` are caller (−1 for
    none), callee and how often, from a profiler that counts calls; if that knows no stacks longer than two, ``inclusive`` has the
    seconds of every function with all that it called. The seconds of the pass are those of a profiled pass, which tell
    nothing but what the profiler costs.
    """

    work: int
    cpu_seconds: float
    wall_seconds: float
    samples: int
    capped: float
    functions: List[NamedFunction]
    stacks: List[List[int]]
    seconds: List[float]
    calls: List[List[int]]
    packages: List[ImportedPackage]
    inclusive: List[float] = field(default_factory=list)


@dataclass(frozen=True)
class GarbageCollection:
    """One full collection of garbage (generation 2): when it began, by ``time.time()``, and how many seconds it took."""

    began: float
    seconds: float


@dataclass(frozen=True)
class MemoryObservation:
    """A pass whose memory the host looked at. Times are ``time.time()``, memory is resident bytes, None where it is not told.

    ``updates`` were seen; ``progress`` has the times at which the updates 0, ``stride``, 2 × ``stride`` … came, ``marks`` those of
    the updates that were asked for, None for one that did not come. ``collections`` counts the collections of garbage of each
    generation; ``full`` are those of generation 2. ``peak_bytes`` is VmHWM at the end of the pass: of the pass alone if
    ``peak_reset``, else of the process since its start. ``left_bytes`` is what was there after its outcome had been dropped,
    garbage collected and free memory given back to the system.
    """

    work: int
    started: float
    ended: float
    updates: int
    stride: int
    progress: List[float]
    marks: List[Optional[float]]
    collections: List[int]
    full: List[GarbageCollection]
    peak_bytes: Optional[int]
    peak_reset: bool
    ready_bytes: Optional[int]
    end_bytes: Optional[int]
    left_bytes: Optional[int]
    packages: List[ImportedPackage]


@dataclass(frozen=True)
class UpdateTimings:
    """How long each update of a pass took, in nanoseconds of the wall clock: to read it, and all that was done with it."""

    work: int
    nanoseconds: List[int]
    cpu_seconds: float
    wall_seconds: float
    packages: List[ImportedPackage]


@dataclass(frozen=True)
class FunctionAllocation:
    """What a function, by the path inside its package and its qualified name, itself had allocated: bytes, and blocks of memory."""

    function: str
    file: str
    bytes: int
    count: int


@dataclass(frozen=True)
class AllocationProfile:
    """What was allocated in a pass, by function: the largest by bytes and by count, when it was most (``peak_bytes`` in all).

    ``html`` is the path of a flame graph, empty without one; ``remark`` what a reader should know, empty if nothing.
    """

    work: int
    peak_bytes: int
    by_bytes: List[FunctionAllocation]
    by_count: List[FunctionAllocation]
    html: str
    remark: str
    packages: List[ImportedPackage]


@dataclass(frozen=True)
class LineMemoryProfile:
    """The memory of a function line by line, as memory_profiler's own table; ``cut`` if it looked at the first ``calls`` only."""

    text: str
    calls: int
    cut: bool
    packages: List[ImportedPackage]


@dataclass(frozen=True)
class Failed:
    """The worker could not do it: why, in one line, and the traceback. ``unavailable``: something is missing on this machine."""

    message: str
    detail: str
    unavailable: bool = False


@dataclass(frozen=True)
class Stamp:
    """The state of a file: as long as it is the same, so is the content.

    ``modified_ns`` is the time of the last change of the content, ``changed_ns`` that of any change of the file or of its name,
    which nobody can set, both in nanoseconds since 1970; ``inode`` and ``device`` tell which file it is.
    """

    size_bytes: int
    modified_ns: int
    changed_ns: int
    inode: int
    device: int


@dataclass(frozen=True)
class Replayed:
    """The market file of a request: ``before`` anything was set up, and ``after`` all was torn down; None where it was missing.

    The host knows or finds out the SHA-256 that belongs to a stamp, so that no worker reads a file for anything but its pass.
    """

    before: Optional[Stamp]
    after: Optional[Stamp]


@dataclass(frozen=True)
class Done:
    """Nothing more comes. ``replayed`` is None for a request without a market file."""

    replayed: Optional[Replayed] = None


ANSWER_TYPES = {
    kind.__name__: kind
    for kind in (
        DescribedScenario,
        Ready,
        PassCompleted,
        PassMeasurement,
        OutputDigest,
        OutputItem,
        TrampolineAddresses,
        FunctionNames,
        CpuProfile,
        MemoryObservation,
        UpdateTimings,
        AllocationProfile,
        LineMemoryProfile,
        Failed,
        Done,
    )
}


def encode_message(message: Any) -> bytes:
    """One line of the protocol, with its newline. Raises ValueError for NaN and infinity, which JSON does not have."""
    return (json.dumps({"say": type(message).__name__, **asdict(message)}, allow_nan=False) + "\n").encode()
