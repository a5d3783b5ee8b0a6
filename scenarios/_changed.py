"""The books of an update that its line changed.

On a file of several markets betfairlightweight yields every cached market on every line, other readers only the changed ones.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Sequence
from weakref import WeakKeyDictionary

Fields = Dict[str, Any]


class Changed:
    """Remembers the last book of each market, separately for every pass over an output."""

    def __init__(self) -> None:
        self._passes: "WeakKeyDictionary[Any, Dict[str, Any]]" = WeakKeyDictionary()

    def only(self, of_pass: Any, books: Sequence[Any], fields: Callable[[Any], Fields]) -> List[Fields]:
        """The fields of the books that changed since they were last seen.

        A single book always counts as changed. Of several books, one is unchanged if it holds the same raw update object as before;
        without raw updates (betfairlightweight before 2.7), if every field is equal.

        :param of_pass: identifies a pass over the output.
        """
        before = self._passes.setdefault(of_pass, {})
        changed = []
        for book in books:
            raw = raw_update(book)
            current = fields(book) if raw is None or raw is not before.get(market_id(book)) else None
            mark = current if raw is None else raw
            previous = before.get(market_id(book))
            if current is not None and (len(books) == 1 or raw is not None or current != previous):
                changed.append(current)
            before[market_id(book)] = mark
        return changed


def raw_update(book: Any) -> Any:
    """The part of the stream's message that a book comes from (the same object until the next one), or None."""
    return book.get("streaming_update") if isinstance(book, dict) else getattr(book, "streaming_update", None)


def market_id(book: Any) -> Any:
    """The market id of a book."""
    if isinstance(book, dict):
        return book["marketId"] if "marketId" in book else book["market_id"]
    return book.market_id
