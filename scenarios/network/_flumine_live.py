"""flumine in live mode on the local exchange, with market and order streams and a strategy that does nothing."""

from __future__ import annotations

import importlib
import inspect
import logging
import threading
import time
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, NamedTuple

import betfairlightweight
from betfairlightweight.baseclient import BaseClient
from betfairlightweight.streaming.betfairstream import BetfairStream

from perfbench import NotAvailable
from perfbench.kit.exchange import trusted
from perfbench.kit.stream_client import EVERYTHING, Exchange, Taken, exchange

TIMEOUT_SECONDS = 600.0
"""Seconds after which a market that does not end is abandoned."""


class Followed(NamedTuple):
    """Exchange, flumine connected to it, what its strategy received, and the event of the last update."""

    stream: Exchange
    framework: Any
    taken: Taken
    ended: threading.Event


@contextmanager
def flumine_connected(market: str, traffic: str, speed: float, late_ms: float) -> Iterator[Followed]:
    """Exchange with an API, and flumine ready to run.

    Raises NotAvailable for several markets, which flumine handles separately, and for a flumine that needs another
    betfairlightweight.
    """
    with exchange(market, speed, traffic, late_ms) as opened:
        if len(opened.announcement["markets"]) > 1:
            raise NotAvailable("flumine handles each market separately; choose a file of one market")
        url = "https://127.0.0.1:{}".format(opened.announcement["api_port"])
        BaseClient.API_URLS["perfbench"] = url + "/exchange/"
        BaseClient.IDENTITY_URLS["perfbench"] = url + "/api/"
        BetfairStream._BetfairStream__port = opened.port  # type: ignore[attr-defined]
        BetfairStream.HOSTS[None] = "127.0.0.1"  # flumine passes no host
        logging.disable(logging.CRITICAL)  # it logs errors when the exchange closes the connection
        with trusted(opened.announcement["authority"]):
            yield _framework(opened)


def _framework(opened: Exchange) -> Followed:
    try:
        flumine, clients = map(importlib.import_module, ("flumine", "flumine.clients"))
    except ImportError as error:
        text = "this flumine does not work with betfairlightweight {}; choose another release in the environment ({})"
        raise NotAvailable(text.format(betfairlightweight.__version__, error)) from None
    taken, ended = Taken(), threading.Event()

    class Nothing(flumine.BaseStrategy):  # type: ignore[misc, name-defined]
        """Takes note of every book."""

        def check_market_book(self, market: Any, market_book: Any) -> bool:
            return True

        def process_market_book(self, market: Any, market_book: Any) -> None:
            self._take([market_book])

        def process_closed_market(self, market: Any, market_book: Any) -> None:
            self._take([market_book])

        def _take(self, books: List[Any]) -> None:
            taken.put(books)
            if len(taken.times) > opened.updates:  # the image and all updates
                ended.set()

    trading = betfairlightweight.APIClient("perfbench", "perfbench", "perfbench", locale="perfbench")
    framework = flumine.Flumine(client=clients.BetfairClient(trading, interactive_login=True))
    framework.add_strategy(Nothing(**_streams(opened.announcement["markets"])))
    return Followed(opened, framework, taken, ended)


def _streams(markets: List[str]) -> Dict[str, Any]:
    """Return the stream arguments of a strategy; since flumine 3.0 it is an object."""
    arguments = {"market_filter": {"marketIds": markets}, "market_data_filter": {"fields": EVERYTHING}}
    flumine = importlib.import_module("flumine")
    if "market_filter" in inspect.signature(flumine.BaseStrategy.__init__).parameters:
        return arguments
    streams = importlib.import_module("flumine.streams.betfairmarketstream")
    return {"streams": [streams.BetfairMarketStream(**arguments)]}


def flumine_followed(trading: Followed) -> float:
    """Run flumine to the last book; return the CPU seconds of this process without those of what it takes note of.

    Raises RuntimeError if the last book never comes.
    """
    start = time.process_time()
    threading.Thread(target=trading.framework.run, daemon=True).start()
    if not trading.ended.wait(TIMEOUT_SECONDS):
        raise RuntimeError("received {} of {} updates".format(len(trading.taken.times), trading.stream.updates))
    return time.process_time() - start - trading.taken.own_seconds
