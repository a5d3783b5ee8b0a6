"""Simulate in several processes, each with a part of the markets.

It saves wall time and no CPU time, so that it is not measured with the other levers.
"""

from __future__ import annotations

import os
from typing import Iterator

from perfbench.kit.lever import FLUMINE_PERFORMANCE, SAME, Noted, Proposal, count_noun

KIND = SAME
SOURCE = FLUMINE_PERFORMANCE
MARKETS_PER_PROCESS = 8
"""Markets that flumine's documentation gives to a call, so that memory does not grow."""

LINES = """\
from concurrent.futures import ProcessPoolExecutor

def run(markets): …  # makes the framework, its streams and strategies, and calls framework.run()

if __name__ == "__main__":
    parts = [markets[i : i + {part}] for i in range(0, len(markets), {part})]
    with ProcessPoolExecutor({cores}) as pool:
        list(pool.map(run, parts))"""


def propose(noted: Noted) -> Iterator[Proposal]:
    """For simulations of several markets in one process, on several cores."""
    cores = count_cores()
    if not noted.simulations or noted.processes > 1 or cores < 2:
        return
    files = {stream.own_file for simulation in noted.simulations for stream in simulation.streams}
    if max(len(files), noted.markets) < 2:
        return
    yield Proposal(
        title="a process for each of {} cores".format(cores),
        write=LINES.format(cores=cores, part=MARKETS_PER_PROCESS),
        reason="{} in one process; at most {} times less wall time, and no less CPU time".format(
            count_noun(max(len(files), noted.markets), "market"), min(cores, max(len(files), noted.markets))
        ),
        tried=False,
    )


def count_cores() -> int:
    """The cores of this machine; the worker itself may be pinned to one."""
    return os.cpu_count() or 1
