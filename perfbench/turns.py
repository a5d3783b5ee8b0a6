"""Two passes on one core by turns, so that both see the same stretch of a machine whose speed changes.

Left to the kernel's scheduler, the passes of a pair share the core in slices of a few milliseconds, and each finds the caches
full of the other's data when it goes on. Two passes of one kind suffer alike, but a light pass beside a heavy one suffers more,
and the ratio of the two comes out too small, by more than a tenth for full against lightweight mode. A turn costs one refill,
about a millisecond, so turns are long enough to make that little. ``make bench``, part ``order``, measures what is left of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perfbench.spawn import Worker

SHORTEST_SLICE = 0.15
"""Seconds of one turn of the shorter pass."""


def slices(seconds: Sequence[float]) -> tuple[float, ...]:
    """How long each turn of passes of so many CPU seconds lasts: in proportion, so that both end at about the same time."""
    shortest = min(seconds, default=0.0)
    if shortest <= 0:
        return tuple(SHORTEST_SLICE for _ in seconds)
    return tuple(SHORTEST_SLICE * value / shortest for value in seconds)


def finishing(workers: Sequence[Worker], lengths: Sequence[float]) -> Iterator[int]:
    """Let passes that are ready run by turns of these lengths. Yields the index of each when it has answered, or never will.

    The caller takes the answer and ends the worker before it asks for the next: nothing else may run on the core then.
    """
    for worker in workers:
        worker.pause()
        worker.go()
    waiting = list(range(len(workers)))
    while waiting:
        for index in tuple(waiting):
            worker = workers[index]
            worker.resume()
            alone = len(waiting) == 1
            if alone or worker.answers_within(lengths[index]) or worker.overdue:
                waiting.remove(index)
                yield index
            else:
                worker.pause()
