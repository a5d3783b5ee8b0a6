"""Switch the check of the latency off: a replay is years late.

The listener's default of 0.5 s computes the latency of every update and logs a warning for each.
"""

from __future__ import annotations

from typing import Any, ContextManager, Iterator

from perfbench.kit.lever import (
    SAME,
    STREAMING,
    Noted,
    Proposal,
    checks_latency,
    listener_fields,
    parse_release,
    plain_listener_class,
    plain_listeners,
    release_of,
)

KIND = SAME
SOURCE = STREAMING
NEVER = float("inf")


def propose(noted: Noted) -> Iterator[Proposal]:
    """For listeners of betfairlightweight that check the latency; those of flumine never do."""
    limits = [note.max_latency for note in plain_listeners(noted) if checks_latency(note) and note.max_latency]
    if not limits:
        return
    value = "None" if parse_release(noted.packages.get("betfairlightweight", "")) >= (2, 2) else 'float("inf")'
    yield Proposal(
        title="max_latency=None",
        write="StreamListener(max_latency={})".format(value),
        reason="max_latency is {:g} s, and the data are years old: a warning for every update".format(limits[0]),
    )


def apply(value: str) -> ContextManager[Any]:
    """No listener checks the latency."""
    return listener_fields(
        plain_listener_class(), max_latency=None if release_of("betfairlightweight") >= (2, 2) else NEVER
    )
