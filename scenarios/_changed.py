"""Which books of an update did the line change?

On a file of several markets betfairlightweight yields every market that it knows on every line, other readers only what changed.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Sequence
from weakref import WeakKeyDictionary

Fields = Dict[str, Any]


class Changed:
    """Remembers what each market's book was when it last came, for every pass over an output apart."""

    def __init__(self) -> None:
        self._passes: "WeakKeyDictionary[Any, Dict[str, Any]]" = WeakKeyDictionary()

    def only(self, of_pass: Any, books: Sequence[Any], fields: Callable[[Any], Fields]) -> List[Fields]:
        """The fields of the books that are not the same as when they last came.

        A book that stands alone is what the line was about, be it the same as before or not. Of several, one is the same if it
        holds the very same raw update as before; where there is none (betfairlightweight before 2.7), if every field is equal.

        :param of_pass: tells one pass over the output from another.
        """
        before = self._passes.setdefault(of_pass, {})
        changed = []
        for book in books:
            raw = raw_update(book)
            said = fields(book) if raw is None or raw is not before.get(market_id(book)) else None
            mark = said if raw is None else raw
            known = before.get(market_id(book))
            if said is not None and (len(books) == 1 or raw is not None or said != known):
                changed.append(said)
            before[market_id(book)] = mark
        return changed


def raw_update(book: Any) -> Any:
    """The part of the stream's message that a book comes from, the very same object as long as no other came; or None."""
    return book.get("streaming_update") if isinstance(book, dict) else getattr(book, "streaming_update", None)


def market_id(book: Any) -> Any:
    """The market that a book is of."""
    if isinstance(book, dict):
        return book["marketId"] if "marketId" in book else book["market_id"]
    return book.market_id
