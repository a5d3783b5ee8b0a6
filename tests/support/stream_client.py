"""An unchanged betfairlightweight follows a stream to the last book: run by path, in any Python that has any release of it.

    stream_client.py PORT MODE '{"marketIds": […]}' '{"fields": […]}' BOOKS

writes a line of JSON for every update that it got, until every market is closed; ``replay MARKET_FILE MODE BOOKS [SKIPPED]``
does the same for a file that is replayed, without the first updates.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
from collections.abc import Iterator
from itertools import islice
from typing import Any

import betfairlightweight
from betfairlightweight.streaming.betfairstream import BetfairStream

OF_THE_CONNECTION = (
    "streaming_update",
    "streaming_unique_id",
    "streaming_snap",
    "publishTime",
)
TIMEOUT_SECONDS = 300


def plain(book: Any, lightweight: bool) -> dict[str, Any]:
    """A book without the fields of its transmission."""
    fields = book if lightweight else book._data
    kept: dict[str, Any] = {key: value for key, value in fields.items() if key not in OF_THE_CONNECTION}
    if not lightweight:
        kept["runners_as_objects"] = [list_attributes(runner) for runner in book.runners]
    return kept


def list_attributes(runner: Any) -> list[Any]:
    """The attributes of a runner object of full mode, prices included."""
    ladders = runner.ex.available_to_back, runner.ex.available_to_lay, runner.ex.traded_volume
    return [
        runner.selection_id,
        runner.last_price_traded,
        runner.total_matched,
        [list(map(list_offer, ladder)) for ladder in ladders],
    ]


def list_offer(offer: Any) -> list[float]:
    """Price and size; flumine leaves the offers of full mode as dicts."""
    return [offer["price"], offer["size"]] if isinstance(offer, dict) else [offer.price, offer.size]


def client() -> Any:
    api = betfairlightweight.APIClient("you", "password", app_key="any")
    api.session_token = "any"
    return api


def follow(
    port: int, lightweight: bool, market_filter: dict[str, Any], data_filter: dict[str, Any]
) -> Iterator[list[dict[str, Any]]]:
    """The books of every update, until all markets are closed or the stream ends."""
    assert hasattr(BetfairStream, "_BetfairStream__port")
    BetfairStream._BetfairStream__port = port
    BetfairStream.HOSTS["perfbench"] = "127.0.0.1"
    updates: queue.Queue[list[Any]] = queue.Queue()
    listener = betfairlightweight.StreamListener(output_queue=updates, max_latency=None, lightweight=lightweight)
    stream = client().streaming.create_stream(listener=listener, host="perfbench")
    stream.subscribe_to_markets(market_filter, data_filter)
    threading.Thread(target=stream.start, daemon=True).start()
    open_markets: set[str] = set()
    while True:
        books = updates.get(timeout=TIMEOUT_SECONDS)
        yield [plain(book, lightweight) for book in books]
        for book in books:
            fields = book if lightweight else book._data
            (open_markets.discard if fields["status"] == "CLOSED" else open_markets.add)(fields["marketId"])
        if not open_markets:
            stream.stop()
            return


def replay(path: str, lightweight: bool, skipped: int = 0) -> Iterator[list[dict[str, Any]]]:
    """The books of every update of a file of one market, without the first ones."""
    listener = betfairlightweight.StreamListener(max_latency=None, lightweight=lightweight)
    stream = client().streaming.create_historical_generator_stream(path, listener)
    for books in islice(stream.get_generator()(), skipped, None):
        yield [plain(book, lightweight) for book in books]


if __name__ == "__main__":
    if sys.argv[1] == "replay":
        _, _, market, mode, target, *skipped = sys.argv
        updates = replay(market, mode == "lightweight", *map(int, skipped))
    else:
        _, where, mode, markets, fields, target = sys.argv
        updates = follow(int(where), mode == "lightweight", json.loads(markets), json.loads(fields))
    with open(target, "w") as file:
        file.writelines(json.dumps(books, sort_keys=True, default=str) + "\n" for books in updates)
