"""Read market files with tickrush, a parser in Rust whose books compute their fields on access.

It yields the books of a file with one market, and knows no ``listener_kwargs``: the lines below filter as flumine's stream does.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any, Callable, ContextManager, Iterator, List

from perfbench.kit.lever import SAME, Noted, Proposal, historical_stream_class, parse_release, patched, stream_file

KIND = SAME
SOURCE = "https://pypi.org/project/tickrush/"
NEED = "tickrush==0.1.0"

LINES = """\
import tickrush
from flumine.streams.{module} import {stream}


def create_generator(stream):
    listener = stream._listener

    def is_wanted(book):
        if book.status != "OPEN":
            return True
        if listener.inplay is not None and bool(book.inplay) is not listener.inplay:
            return False
        if listener.inplay or listener.seconds_to_start is None:
            return True
        left = (book.market_definition.market_time - book.publish_time).total_seconds()
        return left <= listener.seconds_to_start

    def books():
        for book in tickrush.iter_prices_file(stream.{file}):
            if is_wanted(book):
                book.streaming_unique_id = stream.stream_id
                yield [book]

    return books


{stream}.create_generator = create_generator  # before the first stream is made"""


def propose(noted: Noted) -> Iterator[Proposal]:
    """For simulations with flumine 2 and 3 on Python 3.10 or newer, without a limit of seconds in-play.

    Named only where there are no orders: they alone show that a program does the same with books that lack some fields.
    """
    release = parse_release(noted.packages.get("flumine", ""))
    streams = [stream for simulation in noted.simulations for stream in simulation.streams]
    if not streams or release < (2,) or sys.version_info < (3, 10):
        return
    if any(stream.packed or stream.listener.get("max_inplay_seconds") is not None for stream in streams):
        return
    names = {"module": "historicalstream", "stream": "HistoricalStream", "file": "market_filter"}
    if release >= (3,):
        names = {"module": "betfairhistoricalstream", "stream": "BetfairHistoricalStream", "file": "file_path"}
    shown = any(simulation.orders for simulation in noted.simulations)
    unknown = "no order shows whether its books are enough for this program: " if not shown else ""
    yield Proposal(
        title="reader tickrush",
        environment=NEED,
        write="pip install {}\n\n{}".format(NEED, LINES.format(**names)),
        reason=unknown + "another reader of the market files; its books have no streaming_update",
        tried=shown,
    )


def apply(value: str) -> ContextManager[Any]:
    """Every historical stream of flumine reads with tickrush."""
    return patched(historical_stream_class(), "create_generator", create_generator)


def create_generator(stream: Any) -> Callable[[], Iterator[List[Any]]]:
    """The function whose generator yields the books of a stream, filtered by the settings of its listener."""
    tickrush = importlib.import_module("tickrush")
    listener = stream._listener

    def is_wanted(book: Any) -> bool:
        if book.status != "OPEN":
            return True
        if listener.inplay is not None and bool(book.inplay) is not listener.inplay:
            return False
        if listener.inplay or listener.seconds_to_start is None:
            return True
        left = (book.market_definition.market_time - book.publish_time).total_seconds()
        return bool(left <= listener.seconds_to_start)

    def books() -> Iterator[List[Any]]:
        for book in tickrush.iter_prices_file(stream_file(stream)):
            if is_wanted(book):
                book.streaming_unique_id = stream.stream_id
                yield [book]

    return books
