"""Match every order in full when it is placed."""

from __future__ import annotations

from typing import Any, ContextManager, Iterator

from perfbench.kit.lever import CHANGES, Noted, Proposal, around_run, flumine_release, parse_release, sum_orders

KIND = CHANGES
SOURCE = "https://github.com/betcode-org/flumine/blob/master/flumine/clients/baseclient.py"


def propose(noted: Noted) -> Iterator[Proposal]:
    """For simulations with orders, with flumine 2.0 or newer."""
    if not sum_orders(noted) or parse_release(flumine_release(noted)) < (2,):
        return
    if not all(simulation.simulated_full_match for simulation in noted.simulations):
        yield Proposal(
            title="simulated_full_match",
            write="clients.SimulatedClient(simulated_full_match=True)",
            reason="every open order is compared with what was traded at every update",
        )


def apply(value: str) -> ContextManager[Any]:
    """Every client of every simulation matches in full."""
    return around_run(before=_match_in_full)


def _match_in_full(framework: Any) -> None:
    for client in framework.clients:
        client.simulated_full_match = True
