"""Read market files with betfair_data, a parser in Rust, or with its maintained fork betfair-data-smoothcinf.

Its books have the attributes of betfairlightweight's resources, and times without a zone. flumine cannot use them: it reads the
prices of a ladder as ``entry["price"]``, and they have ``entry.price`` only.
"""

from __future__ import annotations

import importlib
from itertools import chain
from typing import Any, ContextManager, Iterator, List

from perfbench.kit.lever import SAME, Noted, Proposal, patched, plain_listeners

KIND = SAME
SOURCE = "https://pypi.org/project/{}/"
NEEDS = ("betfair-data==0.3.4", "betfair-data-smoothcinf==0.3.5")

LINES = """\
import betfair_data

for file in betfair_data.bflw.Files([path], cumulative_runner_tv={cumulative}):
    for market_books in file:
        …"""


def propose(noted: Noted) -> Iterator[Proposal]:
    """For programs that read resources from betfairlightweight's generator."""
    listeners = plain_listeners(noted)
    if not listeners or any(listener.lightweight or not listener.generator for listener in listeners):
        return
    cumulative = any(listener.cumulative_runner_tv for listener in listeners)
    for need in NEEDS:
        name = need.partition("==")[0]
        yield Proposal(
            title="reader {}".format(name),
            environment=need,
            write="pip install {}\n\n{}".format(need, LINES.format(cumulative=cumulative)),
            reason="another reader of the market files",
            source=SOURCE.format(name),
        )


def apply(value: str) -> ContextManager[Any]:
    """Every historical generator of betfairlightweight reads with betfair_data."""
    stream = importlib.import_module("betfairlightweight.streaming.betfairstream").HistoricalGeneratorStream
    return patched(stream, "_read_loop", read_books)


def read_books(stream: Any) -> Iterator[List[Any]]:
    """The books of the file of a historical stream, one list for every line, counted as betfairlightweight counts them."""
    reader = importlib.import_module("betfair_data").bflw
    path = stream.file_path if hasattr(stream, "file_path") else stream.directory
    stream.listener.register_stream(stream.unique_id, stream.operation)
    cumulative = getattr(stream.listener, "cumulative_runner_tv", False)
    registered = stream.listener.stream
    for books in chain.from_iterable(reader.Files([path], cumulative_runner_tv=cumulative)):
        registered._updates_processed += len(books)
        yield books
