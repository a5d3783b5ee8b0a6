"""Remove the simulated middleware from a program that places no orders.

It computes what was traded since the last update, for the matching of orders; market.context["simulated"] is empty without it.
"""

from __future__ import annotations

import importlib
from typing import Any, ContextManager, Iterator

from perfbench.kit.lever import FLUMINE_PERFORMANCE, SAME, Noted, Proposal, around_run, count_noun, sum_actions

KIND = SAME
SOURCE = FLUMINE_PERFORMANCE
NAME = "SimulatedMiddleware"


def propose(noted: Noted) -> Iterator[Proposal]:
    """For simulations without orders that have the middleware."""
    if sum_actions(noted) or not any(NAME in simulation.middleware for simulation in noted.simulations):
        return
    yield Proposal(
        title="no simulated middleware",
        write="\n".join(
            [
                "from flumine.markets.middleware import SimulatedMiddleware",
                "",
                "framework._market_middleware = [",
                "    middleware for middleware in framework._market_middleware",
                "    if not isinstance(middleware, SimulatedMiddleware)",
                "]  # before framework.run()",
            ]
        ),
        reason="no order was placed in {}".format(count_noun(noted.markets, "market")),
    )


def apply(value: str) -> ContextManager[Any]:
    """Every simulation runs without its simulated middleware."""
    return around_run(before=_remove_middleware)


def _remove_middleware(framework: Any) -> None:
    kind = importlib.import_module("flumine.markets.middleware").SimulatedMiddleware
    kept = [middleware for middleware in framework._market_middleware if not isinstance(middleware, kind)]
    framework._market_middleware = kept
