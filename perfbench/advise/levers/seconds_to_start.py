"""Begin with the updates a little before the strategies first act.

The limit is the earliest action (an order placed, cancelled, replaced or updated) before the scheduled off, plus a margin of a
tenth and of at least 30 seconds. A strategy that needs the past before it acts, such as a moving average, gives other orders.
"""

from __future__ import annotations

from typing import Any, ContextManager, Iterator

from perfbench.kit.action_times import find_first_action
from perfbench.kit.lever import (
    FLUMINE_PERFORMANCE,
    LESS,
    Noted,
    Proposal,
    describe_risk,
    flumine_release,
    listener_kwargs_lines,
    market_listener_fields,
)

KIND = LESS
SOURCE = FLUMINE_PERFORMANCE


def propose(noted: Noted) -> Iterator[Proposal]:
    """For strategies that place orders, if the limit is lower than the one that they have and leaves updates out."""
    first = find_first_action(noted)
    if first is None:
        return
    yield Proposal(
        title="seconds_to_start={}".format(first.limit),
        value=str(first.limit),
        write=listener_kwargs_lines(flumine_release(noted), '"seconds_to_start": {}'.format(first.limit)),
        reason="the first order is placed or changed {:,.0f} s before the scheduled off{}; {}".format(
            first.earliest,
            "" if first.present_limit is None else ", seconds_to_start is {:g}".format(first.present_limit),
            describe_risk(noted.markets),
        ),
    )


def apply(value: str) -> ContextManager[Any]:
    """Every listener of flumine's historical streams begins this many seconds before the scheduled off."""
    return market_listener_fields(seconds_to_start=float(value))
