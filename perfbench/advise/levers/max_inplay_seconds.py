"""End with the updates a little after the strategies last act in-play.

The limit is the latest action in-play (an order placed, cancelled, replaced or updated), in seconds since the market turned
in-play, plus a margin of a tenth and of at least 30 seconds.
"""

from __future__ import annotations

from typing import Any, ContextManager, Iterator

from perfbench.kit.lever import (
    FLUMINE_QUICKSTART,
    LESS,
    Noted,
    Proposal,
    describe_risk,
    flumine_release,
    listener_kwargs_lines,
    listener_values,
    market_listener_fields,
    parse_release,
    round_up,
)

KIND = LESS
SOURCE = FLUMINE_QUICKSTART
MARGIN_SHARE, MARGIN_SECONDS, STEP_SECONDS = 0.1, 30.0, 10


def propose(noted: Noted) -> Iterator[Proposal]:
    """For strategies that place orders in-play, with flumine 2.0 or newer."""
    latest = [simulation.latest_in_play_seconds for simulation in noted.simulations]
    actions = [seconds for seconds in latest if seconds is not None]
    if not actions or parse_release(flumine_release(noted)) < (2,):
        return
    if any(value is not None for value in listener_values(noted, "max_inplay_seconds")):
        return
    seconds = round_up(max(actions) + max(MARGIN_SHARE * max(actions), MARGIN_SECONDS), STEP_SECONDS)
    yield Proposal(
        title="max_inplay_seconds={}".format(seconds),
        value=str(seconds),
        write=listener_kwargs_lines(flumine_release(noted), '"max_inplay_seconds": {}'.format(seconds)),
        reason="the last order in-play is placed or changed {:,.0f} s after its start; {}".format(
            max(actions), describe_risk(noted.markets)
        ),
    )


def apply(value: str) -> ContextManager[Any]:
    """Every listener of flumine's historical streams ends this many seconds after the market turned in-play."""
    return market_listener_fields(max_inplay_seconds=float(value))
