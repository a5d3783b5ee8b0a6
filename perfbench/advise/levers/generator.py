"""Read a market through a generator instead of a queue."""

from __future__ import annotations

from typing import Iterator

from perfbench.kit.lever import SAME, STREAMING, Noted, Proposal, plain_listeners

KIND = SAME
SOURCE = STREAMING
LINES = """\
stream = client.streaming.create_historical_generator_stream(path, listener)
for market_books in stream.get_generator()():
    …"""


def propose(noted: Noted) -> Iterator[Proposal]:
    """For programs that read a historical stream from the queue of its listener."""
    if any(not listener.generator for listener in plain_listeners(noted)):
        yield Proposal(
            title="a generator instead of a queue",
            write=LINES,
            reason="every update passes through a queue, and those that are not read yet stay in memory",
            tried=False,
        )
