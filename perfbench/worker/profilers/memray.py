"""memray: records every allocation and release, in Python and in C, and so the allocations at the peak."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from typing import Any, Callable, Tuple

from perfbench.worker.allocation_pass import AllocationSites
from perfbench.worker.protocol import AllocationProfile, Request

NEEDS: Tuple[str, ...] = ("memray",)
SUFFIX = ".memray.bin"

NETWORK_NOTE = "its flame graph loads scripts from cdn.jsdelivr.net when it is opened: a newer memray would embed them"


def observe(call: Callable[[], Any], path: str, request: Request) -> AllocationProfile:
    """Profile the allocations at the peak of the pass, by the innermost Python function; all of them are in its artefact.

    Python's own allocators are traced too, since otherwise objects below 512 bytes count only when Python takes the next arena
    from the system, for whichever function runs at that moment.
    """
    memray = importlib.import_module("memray")
    if os.path.exists(path):
        os.remove(path)
    with memray.Tracker(path, trace_python_allocators=True):
        work = call()
    sites = AllocationSites(request.scenario)
    peak = 0
    with memray.FileReader(path) as reader:
        for record in reader.get_high_watermark_allocation_records(merge_threads=True):
            peak += record.size
            stack = record.stack_trace(max_stacks=1)
            if stack:
                _, file, line = stack[0]
                sites.add(file, line, record.size, record.n_allocations)
    html, note = _write_flame_graph(path)
    return AllocationProfile(
        work=work.amount,
        peak_bytes=peak,
        by_bytes=sites.largest(0),
        by_count=sites.largest(1),
        html=html,
        note=note,
        packages=[],
    )


def _write_flame_graph(path: str) -> Tuple[str, str]:
    """Write memray's flame graph of the peak; its path, and a note: without ``--no-web`` the page needs the network."""
    html = (path[: -len(SUFFIX)] if path.endswith(SUFFIX) else path) + ".memray.html"
    last = ""
    for options, note in ((["--no-web"], ""), ([], NETWORK_NOTE)):
        done = subprocess.run(
            [sys.executable, "-I", "-m", "memray", "flamegraph", *options, "--force", "--output", html, path],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return html, note
        last = " ".join(done.stdout.split())[-200:]
    return "", "memray made no flame graph: " + last
