"""Begin with the updates a little before the strategies first act.

The limit is the earliest action (an order placed, cancelled, replaced or updated) before the scheduled off, plus a margin of a
tenth and of at least 30 seconds. A strategy that needs the past before it acts, such as a moving average, gives other orders.
"""

from __future__ import annotations

from typing import Any, ContextManager, Iterator, List, Optional

from perfbench.kit.lever import (
    FLUMINE_PERFORMANCE,
    LESS,
    Noted,
    Proposal,
    describe_risk,
    flumine_release,
    listener_kwargs_lines,
    listener_values,
    market_listener_fields,
    round_up,
    sum_orders,
)

KIND = LESS
SOURCE = FLUMINE_PERFORMANCE
MARGIN_SHARE, MARGIN_SECONDS, STEP_SECONDS = 0.1, 30.0, 10


def propose(noted: Noted) -> Iterator[Proposal]:
    """For strategies that place orders, if the limit is lower than the one that they have and leaves updates out."""
    actions = [simulation.earliest_action_seconds for simulation in noted.simulations]
    earliest = max((action for action in actions if action is not None), default=None)
    if earliest is None or not sum_orders(noted):
        return
    seconds = choose_seconds(earliest)
    if any(value is True for value in listener_values(noted, "inplay")):
        return
    limit = _largest_limit(listener_values(noted, "seconds_to_start"))
    if limit is not None and limit <= seconds:
        return
    begins = [simulation.earliest_update_seconds for simulation in noted.simulations]
    if all(begin is not None and begin <= seconds for begin in begins):
        return
    yield Proposal(
        title="seconds_to_start={}".format(seconds),
        value=str(seconds),
        write=listener_kwargs_lines(flumine_release(noted), '"seconds_to_start": {}'.format(seconds)),
        reason="the first order is placed or changed {:,.0f} s before the scheduled off{}; {}".format(
            earliest,
            "" if limit is None else ", seconds_to_start is {:g}".format(limit),
            describe_risk(noted.markets),
        ),
    )


def choose_seconds(earliest: float) -> int:
    """The limit in seconds for an earliest action at this many seconds before the off; 30 or more."""
    earliest = max(earliest, 0.0)
    return round_up(earliest + max(MARGIN_SHARE * earliest, MARGIN_SECONDS), STEP_SECONDS)


def _largest_limit(limits: List[Optional[float]]) -> Optional[float]:
    """The limit that holds for all streams; None if a stream has none."""
    return None if not limits or None in limits else max(limit for limit in limits if limit is not None)


def apply(value: str) -> ContextManager[Any]:
    """Every listener of flumine's historical streams begins this many seconds before the scheduled off."""
    return market_listener_fields(seconds_to_start=float(value))
