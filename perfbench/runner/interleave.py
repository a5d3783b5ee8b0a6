"""Interleave two passes on one core in time slices, so that both see the same changes of the machine's speed.

Left to the kernel's scheduler, the passes of a pair share the core in slices of a few milliseconds, and each finds the
caches full of the other's data when it continues. Two passes of one kind suffer alike, but a light pass beside a heavy
one suffers more, and the ratio of the two comes out too small, by more than a tenth for full against lightweight mode.
So the slices of passes that differ are long enough to make a refill, about a millisecond, negligible; and both sides
have slices of about one length, hence equal refills: a pass that is several times shorter is repeated, in fresh
processes. ``make bench``, part ``order``, measures the remaining bias.

Longer slices see different phases of a busy machine, though: the log ratio of two passes of one kind scattered by 3 to
5 % with slices of 75 ms, by 1.4 % with 4 to 8 ms and by 2 to 2.5 % when left to the kernel (``make bench``, part
``turns``). Passes of similar cost have similar refills, so their slices are short, and grow with the difference.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perfbench.runner.worker_process import WorkerProcess

MAX_SLICE_SECONDS = 0.075
MIN_SLICE_SECONDS = 0.005
"""Approximate seconds of a slice: a whole number of slices makes a pass."""

SLICE_GROWTH = 0.1
"""Seconds by which a slice grows per unit of the ratio of the sides: a cache refill of 0.2 ms moves the ratio by 0.2 %."""

EQUAL_TIME_RATIO = 1.1
"""Sides whose seconds differ by less than this factor get equal slices: a single solo pass is no more precise than that."""

MAX_REPEATED_PASSES = 8
"""Maximum number of passes of the shorter side beside one of the longer."""


@dataclass(frozen=True, slots=True)
class InterleavedSide:
    """One side of a pair: its number of consecutive passes, and the seconds of a slice."""

    passes: int = 1
    turn: float = MAX_SLICE_SECONDS


def plan_slices(before: float, after: float) -> tuple[InterleavedSide, InterleavedSide]:
    """Slices for two passes of these CPU seconds, so that both sides end at about the same time.

    Unknown seconds (0) give equal slices. A side that is k times shorter makes k passes.
    """
    short, long = sorted((before, after))
    if short <= 0:
        return InterleavedSide(), InterleavedSide()
    passes = max(1, min(MAX_REPEATED_PASSES, round(long / short)))
    turn = min(MAX_SLICE_SECONDS, max(MIN_SLICE_SECONDS, SLICE_GROWTH * (long / short - 1)))
    pieces = math.ceil(short / turn)
    if long / short < EQUAL_TIME_RATIO:
        return InterleavedSide(1, short / pieces), InterleavedSide(1, short / pieces)
    shorter = InterleavedSide(passes, short / pieces)
    longer = InterleavedSide(1, long / (passes * pieces))
    return (shorter, longer) if before <= after else (longer, shorter)


def run_interleaved(sides: Sequence[tuple[Sequence[WorkerProcess], float]]) -> Iterator[WorkerProcess]:
    """Alternate between the workers of both sides, all ready, in slices. Yields each when it has answered, or never will.

    They answer as soon as their pass is over: anything they do after it, between slices, would be a cost of the other side.
    The caller takes the answer and ends the worker before it asks for the next: nothing else may run on the core then.
    """
    waiting = [(deque(workers), turn) for workers, turn in sides]
    for workers, _ in waiting:
        for worker in workers:
            worker.pause()
            worker.go()
    while waiting:
        for side in tuple(waiting):
            workers, turn = side
            worker = workers[0]
            worker.resume()
            alone = len(waiting) == 1
            if alone or worker.answers_within(turn) or worker.overdue:
                workers.popleft()
                yield worker
            else:
                worker.pause()
            if not workers:
                waiting.remove(side)
