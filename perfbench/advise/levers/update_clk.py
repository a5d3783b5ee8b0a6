"""Do not remember the clocks of the stream, which only a live stream needs to subscribe again."""

from __future__ import annotations

from typing import Any, ContextManager, Iterator

from perfbench.kit.lever import (
    SAME,
    STREAMING,
    Noted,
    Proposal,
    listener_fields,
    parse_release,
    plain_listener_class,
    plain_listeners,
)

KIND = SAME
SOURCE = STREAMING


def propose(noted: Noted) -> Iterator[Proposal]:
    """For listeners of betfairlightweight 2.12 or newer; flumine switches it off by itself."""
    if parse_release(noted.packages.get("betfairlightweight", "")) < (2, 12):
        return
    if any(listener.update_clk for listener in plain_listeners(noted)):
        yield Proposal(
            title="update_clk=False",
            write="StreamListener(update_clk=False)",
            reason="update_clk is True, its default: the clocks and a time are stored at every update",
        )


def apply(value: str) -> ContextManager[Any]:
    """No listener stores the clocks."""
    return listener_fields(plain_listener_class(), update_clk=False)
