"""Values of memory profiles: allocations by function, and a function line by line. Bytes."""

from __future__ import annotations

from dataclasses import dataclass

from perfbench.model import Case, Package
from perfbench.worker.protocol import Allocation

__all__ = ["Allocation", "AllocationSummary", "LineProfile"]


@dataclass(frozen=True, slots=True)
class AllocationSummary:
    """What was allocated in a pass of a case: the largest functions by bytes and by count, at the peak of ``peak_bytes`` in all.

    ``artefact`` is the profiler's own file, ``html`` its flame graph (empty without one), ``remark`` what a reader should know.
    """

    case: Case
    profiler: str
    work: int
    peak_bytes: int
    by_bytes: tuple[Allocation, ...]
    by_count: tuple[Allocation, ...]
    artefact: str
    html: str = ""
    remark: str = ""
    packages: tuple[Package, ...] = ()


@dataclass(frozen=True, slots=True)
class LineProfile:
    """memory_profiler's table of a function (``module:name``) in a pass of a case; ``cut``: of its first ``calls`` only."""

    case: Case
    function: str
    text: str
    calls: int
    cut: bool
    packages: tuple[Package, ...] = ()
