"""Leave the markets of sports out on which no strategy acts."""

from __future__ import annotations

import inspect
from collections import Counter
from typing import Any, ContextManager, Iterator

from perfbench.kit.lever import (
    LESS,
    Noted,
    Proposal,
    count_noun,
    describe_risk,
    flumine_release,
    historical_module,
    listener_kwargs_lines,
    listener_values,
    market_listener_fields,
)

KIND = LESS
SOURCE = "https://github.com/betcode-org/flumine/blob/master/flumine/streams/betfairhistoricalstream.py"


def propose(noted: Noted) -> Iterator[Proposal]:
    """For markets of several event types, with a release of flumine that can filter them."""
    markets = sum((Counter(simulation.event_types) for simulation in noted.simulations), Counter())
    wanted = sorted({name for simulation in noted.simulations for name in simulation.acted_event_types})
    others = sum(count for name, count in markets.items() if name not in wanted)
    if not wanted or not others or any(listener_values(noted, "event_type_ids")):
        return
    if "event_type_ids" not in inspect.signature(historical_module().HistoricListener.__init__).parameters:
        return
    text = ", ".join('"{}"'.format(name) for name in wanted)
    yield Proposal(
        title="event_type_ids={}".format(",".join(wanted)),
        value=",".join(wanted),
        write=listener_kwargs_lines(flumine_release(noted), '"event_type_ids": [{}]'.format(text)),
        reason="no order in {} of other sports; {}".format(count_noun(others, "market"), describe_risk(others)),
    )


def apply(value: str) -> ContextManager[Any]:
    """Every listener of flumine's historical streams leaves the markets of other event types out."""
    return market_listener_fields(event_type_ids=value.split(","))
