"""A backtest on ticks only: a loop over markets, one strategy, bets and profit in whole hundredths."""

from __future__ import annotations

import statistics
import struct
import time
from collections import defaultdict, deque
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Deque, Dict, Iterable, Iterator, List, Sequence, Tuple

from perfbench import Work
from perfbench.kit import ScenarioError
from perfbench.kit.market_databases import Database
from perfbench.kit.market_store import MINUTE_MS, MINUTES, RUNNER_SHIFT, market_id
from perfbench.kit.trades import trades

Tick = Tuple[int, int, int, int]
"""Time in ms, runner, price, size."""

LOOK_BACK = 10
MOVED_PERCENT = 3
HELD = 20
STAKE = 200


def backtested(markets: Iterable[Tuple[str, Iterable[Tick]]]) -> Work:
    """Backtest these markets, named by id, as they come; ``read_ms`` is the CPU time of reading the ticks of one.

    The output has one item for each market: its bets and its profit.
    """
    done: List[Dict[str, Any]] = []
    reading = 0
    coming = iter(markets)
    while True:
        start = time.process_time_ns()
        entry = next(coming, None)
        ticks = list(entry[1]) if entry is not None else []
        reading += time.process_time_ns() - start
        if entry is None:
            break
        bets = list(momentum(ticks))
        done.append({"market": entry[0], "ticks": len(ticks), "profit": sum(bet[-1] for bet in bets), "bets": bets})
    done.sort(key=lambda market: str(market["market"]))
    return Work(
        len(done),
        output=done,
        read_ms=reading / 1e6 / max(1, len(done)),
        bets=sum(len(market["bets"]) for market in done),
        profit=sum(market["profit"] for market in done) / 100,
    )


def momentum(ticks: Iterable[Tick]) -> Iterator[Tuple[int, int, int, int, int]]:
    """Back a runner whose price fell by 3 % within ten trades, and hedge twenty trades later, or at its last one.

    A bet is its time, runner, price, the price of the hedge, and its profit: stake times (price − hedge) / hedge, whoever wins.
    """
    last: Dict[int, Deque[int]] = defaultdict(lambda: deque(maxlen=LOOK_BACK))
    held: Dict[int, List[int]] = {}
    for now, runner, price, _ in ticks:
        prices = last[runner]
        bet = held.get(runner)
        if bet is not None:
            bet[2] += 1
            if bet[2] == HELD:
                yield closed(runner, bet, price)
                del held[runner]
        elif len(prices) == LOOK_BACK and price * 100 <= prices[0] * (100 - MOVED_PERCENT):
            held[runner] = [now, price, 0]
        prices.append(price)
    for runner, bet in held.items():
        yield closed(runner, bet, last[runner][-1])


def closed(runner: int, bet: List[int], hedge: int) -> Tuple[int, int, int, int, int]:
    """A bet as it ended."""
    return bet[0], runner, bet[1], hedge, round(STAKE * (bet[1] - hedge) / hedge)


ONE = "SELECT timestamp, selection_id, price, size FROM market_data WHERE market_id = ? ORDER BY timestamp, sequence"
ALL = "SELECT market_id, timestamp, selection_id, price, size FROM market_data ORDER BY market_id, timestamp, sequence"
REPETITIONS = 5

Named = Tuple[str, Iterable[Tick]]
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


def build(database: Database, layout: Sequence[str]) -> float:
    """Execute the statements. Returns the CPU seconds of this process."""
    start = time.process_time()
    for statement in layout:
        database.rows(statement)
    return time.process_time() - start


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
    from perfbench.kit.simulation import backtest  # noqa: PLC0415 - flumine is for one mode only
    from perfbench.kit.strategies import choose  # noqa: PLC0415

    start = time.process_time()
    backtest([market], choose("best_price", ""))
    return 1000 * (time.process_time() - start)


def with_shares(work: Work, bare: float, flumine: float) -> Work:
    """The work with the shares of its queries and of bare ones (ms) in a flumine backtest, and the share saved."""
    read = work.numbers["read_ms"]
    work.numbers.update(database_share=read / (read + flumine), bare_share=bare / (bare + flumine))
    work.numbers["whole_saved"] = (bare - read) / (bare + flumine)
    return work


COLUMNS = ("timestamp", "selection_id", "price", "size")
PACKED = struct.Struct("<qqqq")


def decoded(market: str, copies: int, ticks: int) -> Iterator[Named]:
    """The markets of a store, each copy decoded again from the JSON of the market file."""
    for copy in range(copies):
        of_market: Dict[str, List[Tick]] = {}
        for trade in sorted(trades(market)[-ticks:], key=lambda trade: trade.published):
            runner, time = trade.runner + copy * RUNNER_SHIFT, trade.published + copy * MINUTES * MINUTE_MS
            of_market.setdefault(market_id(trade, copy), []).append((time, runner, trade.price, trade.size))
        yield from of_market.items()


def write_packed(database: Database, folder: Path) -> List[Path]:
    """One file for each market, of four integers of 64 bits for each tick."""
    markets = all_at_once(database)
    return [_written(folder / market, b"".join(PACKED.pack(*tick) for tick in ticks)) for market, ticks in markets]


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def unpacked(paths: Iterable[Path]) -> Iterator[Named]:
    """The markets written by ``write_packed``."""
    return ((path.name, PACKED.iter_unpack(path.read_bytes())) for path in paths)


def write_parquet(database: Database, folder: Path) -> List[Path]:
    """One Parquet file for each market."""
    import pyarrow  # noqa: PLC0415 - of the mode that needs it
    from pyarrow import parquet  # noqa: PLC0415

    paths = []
    for market, ticks in all_at_once(database):
        rows = list(ticks)
        paths.append(folder / market)
        columns = {name: [row[number] for row in rows] for number, name in enumerate(COLUMNS)}
        parquet.write_table(pyarrow.table(columns), str(paths[-1]))
    return paths


def read_parquet(paths: Iterable[Path]) -> Iterator[Named]:
    """The markets written by ``write_parquet``, as Python integers, read by one thread."""
    from pyarrow import parquet  # noqa: PLC0415

    for path in paths:
        # A file object: the name of a market must not be read as a pattern or a partition.
        with open(str(path), "rb") as file:
            columns: List[Any] = parquet.read_table(file, use_threads=False).columns
        yield path.name, zip(*(column.to_numpy().tolist() for column in columns))  # noqa: B905 - of one table
