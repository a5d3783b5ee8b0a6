"""Leave the updates in-play out.

flumine decodes a filtered update and updates its cache, but builds no books of it and calls no strategy. Updates of a market
that is suspended or closed are never left out.
"""

from __future__ import annotations

from typing import Any, ContextManager, Iterator

from perfbench.kit.lever import (
    FLUMINE_PERFORMANCE,
    LESS,
    Noted,
    Proposal,
    count_noun,
    describe_risk,
    flumine_release,
    format_share,
    listener_kwargs_lines,
    listener_values,
    market_listener_fields,
    sum_orders,
)

KIND = LESS
SOURCE = FLUMINE_PERFORMANCE


def propose(noted: Noted) -> Iterator[Proposal]:
    """For strategies that place orders, and none in-play."""
    in_play = sum(simulation.in_play_updates for simulation in noted.simulations)
    if not in_play or not sum_orders(noted) or any(simulation.in_play_actions for simulation in noted.simulations):
        return
    if any(value is not None for value in listener_values(noted, "inplay")):
        return
    updates = sum(simulation.updates for simulation in noted.simulations)
    yield Proposal(
        title="no updates in-play",
        value="False",
        write=listener_kwargs_lines(flumine_release(noted), '"inplay": False'),
        reason="{} of the updates are in-play and none of {}; {}".format(
            format_share(in_play / updates), count_noun(sum_orders(noted), "order"), describe_risk(noted.markets)
        ),
    )


def apply(value: str) -> ContextManager[Any]:
    """Every listener of flumine's historical streams filters by the in-play flag."""
    return market_listener_fields(inplay=value == "True")
