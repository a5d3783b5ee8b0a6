"""Ticks of markets in files instead of a database: as they were recorded, packed, or as Parquet."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Tuple

from _prices import trades
from _tick_databases import Database
from _tick_loop import Tick
from _tick_queries import all_at_once
from _tick_store import MINUTE_MS, MINUTES, RUNNER_SHIFT, market_id

from perfbench import setup

Named = Tuple[str, Iterable[Tick]]
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


@setup
def packed(database: Database, folder: Path) -> List[Path]:
    """One file for each market, of four integers of 64 bits for each tick."""
    markets = all_at_once(database)
    return [_written(folder / market, b"".join(PACKED.pack(*tick) for tick in ticks)) for market, ticks in markets]


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def unpacked(paths: Iterable[Path]) -> Iterator[Named]:
    """The markets written by ``packed``."""
    return ((path.name, PACKED.iter_unpack(path.read_bytes())) for path in paths)


@setup
def in_parquet(database: Database, folder: Path) -> List[Path]:
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
    """The markets written by ``in_parquet``, as Python integers, read by one thread."""
    from pyarrow import parquet  # noqa: PLC0415

    for path in paths:
        # A file object: the name of a market must not be read as a pattern or a partition.
        with open(str(path), "rb") as file:
            columns: List[Any] = parquet.read_table(file, use_threads=False).columns
        yield path.name, zip(*(column.to_numpy().tolist() for column in columns))  # noqa: B905 - of one table
