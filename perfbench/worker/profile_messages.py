"""Answers of a worker about passes under profilers: functions, stacks, memory, allocations, times of updates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import List, Optional

from perfbench.worker.pass_messages import Package
from perfbench.worker.saved_fields import SavedFields


@dataclass(frozen=True)
class Function(SavedFields):
    """A function by its path inside its package and its qualified name: ``betfairlightweight/streaming/cache.py:Available.update``.

    ``kind``: ``library``, ``standard`` (library), ``scenario``, ``user`` (a file elsewhere), ``perfbench`` or ``built-in``.
    ``shape`` is the same for functions of the same code, whatever their names; empty without source.
    """

    key: str
    kind: str
    line: int = 0
    shape: str = ""

    @property
    def name(self) -> str:
        """The qualified name without the path."""
        return self.key.rpartition(":")[2]

    @property
    def path(self) -> str:
        """The path inside the package."""
        return self.key.rpartition(":")[0]


@dataclass(frozen=True)
class TrampolineAddresses:
    """The Python functions that a pass called over trampolines: the address of each (hexadecimal), its file and qualified name.

    A function that was created more than once has as many addresses. Another worker, which is not slowed down, resolves them to
    ``FunctionNames``.
    """

    addresses: List[str]
    files: List[str]
    names: List[str]


@dataclass(frozen=True)
class FunctionNames:
    """The functions of the files and qualified names of a request, in the same order."""

    functions: List[Function]


@dataclass(frozen=True)
class CpuProfile:
    """A pass under a CPU profiler. ``stacks`` are indices of ``functions``, outermost first, with the ``seconds`` of each.

    ``samples`` is the number of samples, ``capped`` the seconds of them left out because the process did not run. ``calls`` are
    caller (−1 for none), callee and count, if the profiler counts calls; if its stacks are only a function and its caller,
    ``inclusive`` has the seconds of every function with all that it called. The seconds of the pass include the cost of the
    profiler.

    ``cpu_seconds`` are those of all threads and of the child processes that the mode waited for. The profiler did not look into
    the ``child_seconds`` of the children and the ``unseen_seconds`` of threads that it does not observe: each is one stack, of
    a function that stands for them. ``queue_seconds`` are those in which the pass waited for a core, None where the system
    does not tell. ``mixed``: the profiler cannot keep threads apart, so that it has counts of calls only.
    """

    work: int
    cpu_seconds: float
    wall_seconds: float
    samples: int
    capped: float
    functions: List[Function]
    stacks: List[List[int]]
    seconds: List[float]
    calls: List[List[int]]
    packages: List[Package]
    inclusive: List[float] = field(default_factory=list)
    child_seconds: float = 0.0
    unseen_seconds: float = 0.0
    queue_seconds: Optional[float] = None
    mixed: bool = False


@dataclass(frozen=True)
class GarbageCollection:
    """One full garbage collection (generation 2): when it began, by ``time.time()``, and its seconds."""

    began: float
    seconds: float


@dataclass(frozen=True)
class MemoryObservation:
    """A pass whose memory the host sampled. Times are ``time.time()``, memory is resident bytes, None where it is unavailable.

    ``updates`` is the number of updates; ``progress`` has the times of the updates 0, ``stride``, 2 × ``stride`` …, ``marks``
    those of the requested updates, None for one that did not come. ``collections`` counts the garbage collections of each
    generation; ``full`` are those of generation 2. ``peak_bytes`` is VmHWM at the end of the pass: of the pass alone if
    ``peak_reset``, else of the process since its start. ``left_bytes`` is resident after the outcome was dropped, garbage was
    collected and free memory was returned to the system.
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
    packages: List[Package]


@dataclass(frozen=True)
class UpdateTimings:
    """Wall-clock nanoseconds of each update of a pass: reading it and everything done with it."""

    work: int
    nanoseconds: List[int]
    cpu_seconds: float
    wall_seconds: float
    packages: List[Package]


@dataclass(frozen=True)
class Allocation(SavedFields):
    """Memory that a function, by its path inside its package and its qualified name, itself allocated: bytes, and blocks."""

    function: str
    path: str
    bytes: int
    count: int


@dataclass(frozen=True)
class AllocationProfile:
    """The largest allocating functions of a pass by bytes and by count, at the peak (``peak_bytes`` in all).

    ``html`` is the path of a flame graph, empty without one; ``note`` is a note for readers, empty without one.
    """

    work: int
    peak_bytes: int
    by_bytes: List[Allocation]
    by_count: List[Allocation]
    html: str
    note: str
    packages: List[Package]


@dataclass(frozen=True)
class LineMemoryProfile:
    """The memory of a function line by line, as memory_profiler's own table; ``cut`` if only the first ``calls`` were observed."""

    text: str
    calls: int
    cut: bool
    packages: List[Package]
