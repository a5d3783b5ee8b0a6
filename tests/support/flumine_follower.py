"""An unchanged flumine follows a market to its last book: run by path, in any Python that has any release of it.

    flumine_follower.py STREAM_PORT API_PORT CERTIFICATE MARKET '{"fields": […]}' BOOKS

writes a line of JSON for every book that its strategy got, in the form of ``stream_client.py``.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from typing import Any

import betfairlightweight
from betfairlightweight.baseclient import BaseClient
from betfairlightweight.streaming.betfairstream import BetfairStream
from flumine import BaseStrategy, Flumine, clients
from stream_client import plain  # type: ignore[import-not-found]

TIMEOUT_SECONDS = 500


class Follow(BaseStrategy):  # type: ignore[misc]
    """Keeps every book."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.books: list[dict[str, Any]] = []
        self.ended = threading.Event()

    def check_market_book(self, market: Any, market_book: Any) -> bool:
        return True

    def process_market_book(self, market: Any, market_book: Any) -> None:
        self.books.append(plain(market_book, lightweight=False))

    def process_closed_market(self, market: Any, market_book: Any) -> None:
        self.books.append(plain(market_book, lightweight=False))
        self.ended.set()


def streams_of(market: str, fields: dict[str, Any]) -> dict[str, Any]:
    """The stream arguments of a strategy; since flumine 3.0 it is an object."""
    arguments = {"market_filter": {"marketIds": [market]}, "market_data_filter": fields}
    try:
        from flumine.streams.betfairmarketstream import BetfairMarketStream
    except ImportError:
        return arguments
    return {"streams": [BetfairMarketStream(**arguments)]}


def follow(
    stream_port: int, api_port: int, certificate: str, market: str, fields: dict[str, Any]
) -> list[dict[str, Any]]:
    """The books of a market until it is closed."""
    os.environ["REQUESTS_CA_BUNDLE"] = certificate
    BaseClient.API_URLS["perfbench"] = f"https://127.0.0.1:{api_port}/exchange/"
    BaseClient.IDENTITY_URLS["perfbench"] = f"https://127.0.0.1:{api_port}/api/"
    BetfairStream._BetfairStream__port = stream_port
    BetfairStream.HOSTS[None] = "127.0.0.1"  # flumine passes no host
    logging.disable(logging.CRITICAL)
    trading = betfairlightweight.APIClient("you", "password", app_key="key", locale="perfbench")
    framework = Flumine(client=clients.BetfairClient(trading, interactive_login=True))
    strategy = Follow(**streams_of(market, fields))
    framework.add_strategy(strategy)
    threading.Thread(target=framework.run, daemon=True).start()
    strategy.ended.wait(TIMEOUT_SECONDS)
    return strategy.books


if __name__ == "__main__":
    books = follow(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], json.loads(sys.argv[5]))
    with open(sys.argv[6], "w") as file:
        file.writelines(json.dumps([book], sort_keys=True, default=str) + "\n" for book in books)
    os._exit(0)  # flumine's threads wait for more of the market
