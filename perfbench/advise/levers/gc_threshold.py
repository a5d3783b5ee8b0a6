"""Collect garbage less often."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import Any, ContextManager, Iterator

from perfbench.kit.lever import SAME, CollectionTimes, Noted, Proposal, format_share, runs_here

KIND = SAME
SOURCE = "https://docs.python.org/3/library/gc.html#gc.set_threshold"
THRESHOLDS = (50_000, 20, 100)


LEAST_SHARE = 0.005
TIMES = CollectionTimes()


def observe() -> ContextManager[Any]:
    """Measure how long garbage collection takes."""
    return TIMES.measuring()


def propose(noted: Noted) -> Iterator[Proposal]:
    """For a program in which collections take time, because they are more frequent."""
    threshold = gc.get_threshold()[0]
    share = TIMES.share(0, 1, 2)
    if threshold >= THRESHOLDS[0] or (runs_here(noted) and share < LEAST_SHARE):
        return
    yield Proposal(
        title="gc.set_threshold({:_})".format(THRESHOLDS[0]),
        write="gc.set_threshold({:_}, {}, {})".format(*THRESHOLDS),
        reason="the youngest objects are collected whenever there are {:,} new ones{}".format(
            threshold, ", and collections take {}".format(format_share(share)) if runs_here(noted) else ""
        ),
    )


@contextmanager
def apply(value: str) -> Iterator[None]:
    """Higher thresholds for the whole program."""
    before = gc.get_threshold()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
