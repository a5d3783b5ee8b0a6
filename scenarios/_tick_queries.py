"""Queries of a backtest for the ticks of its markets, and their share beside flumine."""

from __future__ import annotations

import statistics
import time
from itertools import groupby
from operator import itemgetter
from typing import Any, Iterator, List, Sequence, Tuple

from _tick_databases import Database

from perfbench import Work
from perfbench.worker.scenario_api import ScenarioError

ONE = "SELECT timestamp, selection_id, price, size FROM market_data WHERE market_id = ? ORDER BY timestamp, sequence"
ALL = "SELECT market_id, timestamp, selection_id, price, size FROM market_data ORDER BY market_id, timestamp, sequence"
REPETITIONS = 5

Named = Tuple[str, List[Any]]
"""The id of a market, and its ticks."""


def one_by_one(database: Database, markets: Sequence[str]) -> Iterator[Named]:
    """The ticks of each market, by one query per market."""
    return ((market, database.rows(ONE, (market,))) for market in markets)


def all_at_once(database: Database) -> Iterator[Named]:
    """The ticks of all markets by one query."""
    for market, rows in groupby(database.rows(ALL), key=itemgetter(0)):
        yield market, [row[1:] for row in rows]


def require_index(database: Database, markets: Sequence[str], index: str) -> None:
    """Require that the query for one market uses the index. Raises ScenarioError."""
    plan = database.plan(ONE, markets[:1])
    if index not in plan:
        raise ScenarioError("the query does not use {}: {}".format(index, plan))


def query_ms(database: Database, markets: Sequence[str]) -> float:
    """Milliseconds of CPU of a query for one market: the median of five."""
    seconds = []
    for market in (list(markets) * REPETITIONS)[:REPETITIONS]:
        start = time.process_time()
        database.rows(ONE, (market,))
        seconds.append(time.process_time() - start)
    return 1000 * statistics.median(seconds)


def flumine_ms(market: str) -> float:
    """Milliseconds of CPU of a flumine backtest of the market file with the strategy best_price."""
    from _backtest import backtest  # noqa: PLC0415 - flumine is for one mode only
    from _strategies import choose  # noqa: PLC0415

    start = time.process_time()
    backtest([market], choose("best_price", ""))
    return 1000 * (time.process_time() - start)


def with_shares(work: Work, bare: float, flumine: float) -> Work:
    """The work with the shares of its queries and of bare ones (ms) in a flumine backtest, and the share saved."""
    read = work.numbers["read_ms"]
    work.numbers.update(database_share=read / (read + flumine), bare_share=bare / (bare + flumine))
    work.numbers["whole_saved"] = (bare - read) / (bare + flumine)
    return work
