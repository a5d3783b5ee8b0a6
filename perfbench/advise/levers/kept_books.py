"""Keep numbers instead of books.

A book holds every price of every runner. Books in a list stay in memory, and garbage collection examines them again and again.
"""

from __future__ import annotations

import gc
from typing import Any, ContextManager, Iterable, Iterator, List, Tuple

from perfbench.kit.lever import SAME, Noted, Proposal, around_run, count_noun

KIND = SAME
SOURCE = "https://docs.python.org/3/library/gc.html"
LEAST_BOOKS = 1000
CONTAINERS = (list, tuple, set, dict)

KEPT: List[Tuple[int, str]] = []
"""For each simulation the books in memory at its end, and the attribute that holds most of them (empty if none does)."""


def observe() -> ContextManager[Any]:
    """Count the books that are in memory at the end of each simulation."""
    KEPT.clear()
    return around_run(after=_count_books)


def propose(noted: Noted) -> Iterator[Proposal]:
    """For a program that keeps a thousand books or more."""
    kept, holder = max(KEPT, default=(0, ""))
    updates = max((simulation.updates for simulation in noted.simulations), default=0)
    if kept < LEAST_BOOKS or not updates:
        return
    yield Proposal(
        title="no books kept{}".format(" in {}".format(holder) if holder else ""),
        write="self.prices.append(runner.last_price_traded)  # instead of self.books.append(market_book)",
        reason="{} in memory at the end of a simulation of {}".format(
            count_noun(kept, "book"), count_noun(updates, "update")
        ),
        tried=False,
    )


def _count_books(framework: Any) -> None:
    kept = sum(_is_book(thing) for thing in gc.get_objects())
    held = [
        (count_books_in(value), "{}.{}".format(type(strategy).__name__, name))
        for strategy in framework.strategies
        for name, value in vars(strategy).items()
    ]
    count, holder = max(held, default=(0, ""))
    KEPT.append((kept, holder if count else ""))


def count_books_in(thing: Any, depth: int = 3) -> int:
    """The books in a container, and in containers in it, to this depth."""
    if _is_book(thing):
        return 1
    if not depth or not (isinstance(thing, CONTAINERS) or type(thing).__name__ == "deque"):
        return 0
    values: Iterable[Any] = thing.values() if isinstance(thing, dict) else thing
    return sum(count_books_in(value, depth - 1) for value in list(values))


def _is_book(thing: Any) -> bool:
    return type(thing).__name__ == "MarketBook"
