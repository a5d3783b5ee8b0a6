"""Do not compute traded volumes from the ladders.

Data that Betfair sells have no volume of the market (``calculate_market_tv``) and that of each price instead of the sum
(``cumulative_runner_tv``): without these settings ``total_matched`` of the books is another number, or none.
"""

from __future__ import annotations

from typing import Any, ContextManager, Iterator, List, Set

from perfbench.kit.lever import (
    CHANGES,
    STREAMING,
    Noted,
    Proposal,
    flumine_release,
    listener_fields,
    listener_kwargs_lines,
    listener_values,
    plain_listener_class,
)

KIND = CHANGES
SOURCE = STREAMING
SETTINGS = ("calculate_market_tv", "cumulative_runner_tv")


def propose(noted: Noted) -> Iterator[Proposal]:
    """For listeners that compute them."""
    used: Set[str] = {name for name in SETTINGS if any(listener_values(noted, name))}
    used |= {name for name in SETTINGS for listener in noted.listeners if getattr(listener, name)}
    if not used:
        return
    names = [name for name in SETTINGS if name in used]
    yield Proposal(
        title="no " + ", no ".join(names),
        value=",".join(names),
        write=_write_line(noted, names),
        reason="total_matched is summed up from the ladders at every update with a trade",
    )


def _write_line(noted: Noted, names: List[str]) -> str:
    if noted.simulations:
        return listener_kwargs_lines(flumine_release(noted), ", ".join('"{}": False'.format(name) for name in names))
    return "StreamListener({})".format(", ".join("{}=False".format(name) for name in names))


def apply(value: str) -> ContextManager[Any]:
    """No listener computes these volumes."""
    return listener_fields(plain_listener_class(), **dict.fromkeys(value.split(","), False))
