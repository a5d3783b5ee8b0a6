"""Readers that replace the stream of a flumine simulation."""

from __future__ import annotations

from typing import Any, Iterator, List


def tickrush_books(market: str, stream_id: int) -> Iterator[List[Any]]:
    """tickrush's market books, one for every update, marked as flumine requires."""
    import tickrush  # noqa: PLC0415 - needed by one mode only

    for book in tickrush.iter_prices_file(market):
        book.streaming_unique_id = stream_id
        yield [book]
