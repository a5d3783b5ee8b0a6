"""tracemalloc of the standard library: live allocations by line, of Python's own allocators only."""

from __future__ import annotations

import tracemalloc
from typing import Any, Callable, List, Tuple

from perfbench.worker import update_hooks
from perfbench.worker.allocation_pass import AllocationSites
from perfbench.worker.protocol import AllocationProfile, Request

NEEDS: Tuple[str, ...] = ()
SUFFIX = ".tracemalloc"

NOTE_AT_END = "tracemalloc: allocations by function at the end of the pass, not at its peak"
NOTE_AT_LAST_UPDATE = "tracemalloc: allocations by function at the last update, not at the peak"


def observe(call: Callable[[], Any], path: str, request: Request) -> AllocationProfile:
    """Profile the allocations at the end of the pass by function, and the total peak; the snapshot is its artefact.

    With a number in ``marks``, at that update: a generator that ended has released its objects. One frame of each stack is
    recorded; the pass takes about 6 times as long.
    """
    snapshots: List[tracemalloc.Snapshot] = []

    def on_update(number: int) -> None:
        if request.marks and number == request.marks[-1] and not snapshots:
            snapshots.append(tracemalloc.take_snapshot())

    tracemalloc.start(1)
    try:
        with update_hooks.install_update_hooks(on_update):
            work = call()
        _, peak = tracemalloc.get_traced_memory()
        at_update = bool(snapshots)
        snapshot = snapshots.pop() if snapshots else tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    snapshot.dump(path)
    sites = AllocationSites(request.scenario)
    for entry in snapshot.statistics("lineno"):
        frame = entry.traceback[0]
        sites.add(frame.filename, frame.lineno, entry.size, entry.count)
    return AllocationProfile(
        work=work.amount,
        peak_bytes=peak,
        by_bytes=sites.largest(0),
        by_count=sites.largest(1),
        html="",
        note=NOTE_AT_LAST_UPDATE if at_update else NOTE_AT_END,
        packages=[],
    )
