"""Take what exists before the run out of garbage collection."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import Any, ContextManager, Iterator

from perfbench.kit.lever import SAME, CollectionTimes, Noted, Proposal, around_run, format_share, runs_here

KIND = SAME
SOURCE = "https://docs.python.org/3/library/gc.html#gc.freeze"


LEAST_SHARE = 0.005
TIMES = CollectionTimes()


def observe() -> ContextManager[Any]:
    """Measure how long garbage collection takes."""
    return TIMES.measuring()


def propose(noted: Noted) -> Iterator[Proposal]:
    """For a program in which full collections take time."""
    share = TIMES.share(2)
    if runs_here(noted) and share < LEAST_SHARE:
        return
    yield Proposal(
        title="gc.freeze() before the run",
        write="gc.collect()\ngc.freeze()\n{}".format(
            "framework.run()" if noted.simulations else "…  # then read the markets"
        ),
        reason="full collections take {}, and examine what was there before the run too".format(format_share(share))
        if runs_here(noted)
        else "full collections examine what was there before the run too",
    )


@contextmanager
def apply(value: str) -> Iterator[None]:
    """Freeze at the start of the program, where a pass has just collected, and again before every simulation."""
    gc.freeze()
    try:
        with around_run(before=_freeze):
            yield
    finally:
        gc.unfreeze()


def _freeze(framework: Any) -> None:
    gc.collect()
    gc.freeze()
