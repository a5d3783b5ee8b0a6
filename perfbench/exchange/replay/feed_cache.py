"""Cache of feeds: one for each set of fields in use, and a few of those used last."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future

from perfbench.exchange.replay.best_offers import MarketFields
from perfbench.exchange.replay.feed import Feed

MAX_UNUSED_FEEDS = 4
"""Feeds that stay in memory without a subscription; a client chooses among thousands of sets of fields."""


class FeedCache:
    """Feeds by fields. A feed lives as long as a subscription holds it, and while it is among those used last."""

    def __init__(self, build: Callable[[MarketFields], Feed]) -> None:
        self._build = build
        self._lock = threading.Lock()
        self._alive: weakref.WeakValueDictionary[MarketFields, Feed] = weakref.WeakValueDictionary()
        self._last_used: OrderedDict[MarketFields, Feed] = OrderedDict()
        self._pending: dict[MarketFields, Future[Feed]] = {}

    def get(self, fields: MarketFields) -> Feed:
        """Return the feed for a set of fields, built at most once at a time; others do not wait for it."""
        with self._lock:
            feed = self._alive.get(fields)
            if feed is not None:
                self._remember(fields, feed)
                return feed
            pending = self._pending.get(fields)
            building = pending is None
            if pending is None:
                pending = self._pending[fields] = Future()
        if building:
            self._complete(fields, pending)
        return pending.result()

    def _complete(self, fields: MarketFields, pending: Future[Feed]) -> None:
        try:
            feed = self._build(fields)
        except BaseException as error:
            with self._lock:
                del self._pending[fields]
            pending.set_exception(error)
            raise
        with self._lock:
            self._alive[fields] = feed
            self._remember(fields, feed)
            del self._pending[fields]
        pending.set_result(feed)

    def _remember(self, fields: MarketFields, feed: Feed) -> None:
        self._last_used[fields] = feed
        self._last_used.move_to_end(fields)
        while len(self._last_used) > MAX_UNUSED_FEEDS:
            self._last_used.popitem(last=False)
