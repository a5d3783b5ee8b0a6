"""Place orders without flumine's trading controls.

They refuse orders that are not valid or exceed a limit of exposure; without them such orders are placed.
"""

from __future__ import annotations

from typing import Any, ContextManager, Iterator

from perfbench.kit.lever import CHANGES, Noted, Proposal, around_run, sum_orders

KIND = CHANGES
SOURCE = "https://betcode-org.github.io/flumine/controls/"


def propose(noted: Noted) -> Iterator[Proposal]:
    """For simulations with orders that have trading controls."""
    if sum_orders(noted) and any(simulation.controls for simulation in noted.simulations):
        names = sorted({name for simulation in noted.simulations for name in simulation.controls})
        yield Proposal(
            title="no trading controls",
            write="framework.trading_controls.clear()  # before framework.run()",
            reason="{} check every order".format(", ".join(names)),
        )


def apply(value: str) -> ContextManager[Any]:
    """Every simulation runs without the trading controls of its framework."""
    return around_run(before=lambda framework: framework.trading_controls.clear())
