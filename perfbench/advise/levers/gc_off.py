"""Collect garbage only when a market closes.

Books and orders are freed by their reference counts; cycles stay in memory until the market closes.
"""

from __future__ import annotations

import functools
import gc
from contextlib import ExitStack, contextmanager
from typing import Any, Callable, ContextManager, Iterator

from perfbench.kit.lever import (
    SAME,
    CollectionTimes,
    Noted,
    Proposal,
    around_run,
    format_share,
    patched,
    runs_here,
    simulation_class,
    when_imported,
)

KIND = SAME
SOURCE = "https://docs.python.org/3/library/gc.html#gc.disable"


LEAST_SHARE = 0.005
TIMES = CollectionTimes()

IN_A_SIMULATION = (
    "gc.disable()\nframework.run()\ngc.enable()\n\n# and at the end of process_closed_market:\ngc.collect()"
)
IN_A_REPLAY = "gc.disable()\n…  # read the markets, with gc.collect() after each\ngc.enable()"


def observe() -> ContextManager[Any]:
    """Measure how long garbage collection takes."""
    return TIMES.measuring()


def propose(noted: Noted) -> Iterator[Proposal]:
    """For a program in which collections take time."""
    share = TIMES.share(0, 1, 2)
    if runs_here(noted) and share < LEAST_SHARE:
        return
    took = "collections take {}; ".format(format_share(share)) if runs_here(noted) else ""
    yield Proposal(
        title="gc.disable() until a market closes",
        write=IN_A_SIMULATION if noted.simulations else IN_A_REPLAY,
        reason=took + "what a strategy keeps is examined again and again",
    )


@contextmanager
def apply(value: str) -> Iterator[None]:
    """No automatic collection; one at the end of every market that a simulation closes."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        with ExitStack() as patches:

            def collect_at_close() -> None:
                kind = simulation_class()
                patches.enter_context(
                    patched(kind, "_process_close_market", _collect_after(kind._process_close_market))
                )

            patches.enter_context(when_imported("flumine", collect_at_close))
            patches.enter_context(around_run(before=_disable))
            yield
    finally:
        if enabled:
            gc.enable()


def _collect_after(close: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(close)
    def close_and_collect(*args: Any, **keywords: Any) -> Any:
        outcome = close(*args, **keywords)
        gc.collect()
        return outcome

    return close_and_collect


def _disable(framework: Any) -> None:
    gc.disable()
