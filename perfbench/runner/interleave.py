"""Two passes on one core by turns, so that both see the same stretch of a machine whose speed changes.

Left to the kernel's scheduler, the passes of a pair share the core in slices of a few milliseconds, and each finds the caches
full of the other's data when it goes on. Two passes of one kind suffer alike, but a light pass beside a heavy one suffers more,
and the ratio of the two comes out too small, by more than a tenth for full against lightweight mode. So the turns of passes that
differ are long enough to make a refill, about a millisecond, little; and both sides have turns of about one length, hence refills
alike: a pass that is some times shorter is repeated, in fresh processes. ``make bench``, part ``order``, measures the bias left.

Longer turns see different stretches of an uneasy machine, though: the logarithm of the ratio of two passes of one kind scattered by
3 to 5 % with turns of 75 ms, by 1.4 % with 4 to 8 ms and by 2 to 2.5 % when left to the kernel (``make bench``, part ``turns``).
Passes that are nearly alike have refills that are nearly alike, so their turns are short, and grow with the difference.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perfbench.runner.worker_process import WorkerProcess

MAX_SLICE_SECONDS = 0.075
MIN_SLICE_SECONDS = 0.005
"""Seconds of a turn, nearly: a whole number of turns makes a pass."""

SLICE_GROWTH = 0.1
"""Seconds that a turn grows by the ratio of the sides: a refill of 0.2 ms then moves the ratio by about 0.2 %."""

EQUAL_TIME_RATIO = 1.1
"""Sides whose seconds differ by less than this factor have turns of one length: one pass alone does not tell more than that."""

MAX_REPEATED_PASSES = 8
"""The most passes of the shorter kind beside one of the longer."""


@dataclass(frozen=True, slots=True)
class InterleavedSide:
    """One side of a pair: how many passes it makes, one after the other, and the seconds of a turn."""

    passes: int = 1
    turn: float = MAX_SLICE_SECONDS


def plan_slices(before: float, after: float) -> tuple[InterleavedSide, InterleavedSide]:
    """The parts of two passes of so many CPU seconds, so that both sides end at about the same time.

    Unknown seconds (0) make equal parts. A side that is k times shorter makes k passes.
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
    """Let the workers of each side, all ready, run by turns of its seconds. Yields each when it has answered, or never will.

    They answer as soon as their pass is over: what they do then, between the turns of the other side, would be a cost of that side.
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
