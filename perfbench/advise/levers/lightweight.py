"""Read books as dictionaries instead of objects.

The function must read them as such, ``book["runners"]`` instead of ``book.runners``: one that does not fails and is not tried.
"""

from __future__ import annotations

from typing import Any, ContextManager, Iterator

from perfbench.kit.lever import SAME, Noted, Proposal, listener_fields, plain_listener_class, plain_listeners

KIND = SAME
SOURCE = "https://betcode-org.github.io/betfair/advanced/#lightweight"
LINES = """\
StreamListener(lightweight=True)

# and in the loop:
market_book["runners"]  # instead of market_book.runners"""


def propose(noted: Noted) -> Iterator[Proposal]:
    """For listeners of betfairlightweight that make objects."""
    if any(not listener.lightweight for listener in plain_listeners(noted)):
        yield Proposal(
            title="lightweight books",
            write=LINES,
            reason="every book, runner and price becomes an object",
        )


def apply(value: str) -> ContextManager[Any]:
    """Every listener yields dictionaries."""
    return listener_fields(plain_listener_class(), lightweight=True)
