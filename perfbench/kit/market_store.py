"""A SQLite file of market data as a recorder writes it, without any index: the input of the database scenarios.

The trades of a market file are repeated as further markets, with ids of their own, each some minutes after the previous one,
until there are enough rows. They are stored in order of time, as if all markets had been recorded at once. A second table has
simulated bets: every tenth row is backed and hedged at the last price of its runner.

Making a million rows takes seconds, so the files are cached in PERFBENCH_CACHE or the user's cache folder, under the checksum
of their inputs. A pass works on a copy.
"""

from __future__ import annotations

import csv
import fcntl
import hashlib
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Tuple

from perfbench import NotAvailable
from perfbench.kit.child_processes import folder_until_the_end
from perfbench.kit.memory import require_memory
from perfbench.kit.trades import Trade, trades

VERSION = "2"
"""Version of the format; files of another version are not used."""

MINUTE_MS = 60_000
MINUTES = 10
RUNNER_SHIFT = 1_000_000_000
STAKE = 200
STRATEGIES = 20
BET_EVERY = 10
KEPT = 6
DISK_BYTES_PER_ROW = 400
MEMORY_BYTES_PER_ROW = 150

TABLES = {
    "market_data": "sequence {} PRIMARY KEY, market_id TEXT, selection_id {}, timestamp {}, price {}, size {}",
    "trades": "number {} PRIMARY KEY, strategy_id TEXT, market_id TEXT, selection_id {}, timestamp {}, realized_pnl {}",
    "markets": "market_id TEXT, ticks {}, runner {}, middle {}, late {}",
}
"""Times in ms; prices, sizes and profits (``realized_pnl``) in hundredths.

``markets`` holds the parameters of queries: a runner of the market, and two times between which lies about a quarter of its ticks.
"""


Further = List[Tuple[str, List[Tuple[Any, ...]]]]
"""Tables, and the rows to add to each."""


class StoredMarket(NamedTuple):
    """A market of the store, with the parameters of queries about it."""

    market: str
    ticks: int
    runner: int
    middle: int
    late: int


class Store(NamedTuple):
    """The cached files: the rows in a SQLite file, and the same rows as CSV."""

    folder: Path

    @property
    def base(self) -> Path:
        """The SQLite file."""
        return self.folder / "base.sqlite"

    def csv(self, table: str) -> Path:
        """The rows of a table."""
        return self.folder / (table + ".csv")

    def markets(self, amount: int) -> List[StoredMarket]:
        """``amount`` markets, evenly spread over the store; some repeatedly if the store has fewer."""
        with closing(sqlite3.connect(str(self.base))) as connection:
            every = [StoredMarket(*row) for row in connection.execute("SELECT * FROM markets ORDER BY rowid")]
        return [every[number * len(every) // amount] for number in range(amount)]

    def ids(self) -> List[str]:
        """The ids of all markets, in their own order."""
        with closing(sqlite3.connect(str(self.base))) as connection:
            return [market for (market,) in connection.execute("SELECT market_id FROM markets ORDER BY market_id")]

    def times(self, shares: Iterable[float]) -> List[int]:
        """The times at which these shares of all rows are reached."""
        with closing(sqlite3.connect(str(self.base))) as connection:
            (rows,) = connection.execute("SELECT COUNT(*) FROM market_data").fetchone()
            query = "SELECT timestamp FROM market_data WHERE sequence = ?"
            return [connection.execute(query, (min(rows - 1, int(share * rows)),)).fetchone()[0] for share in shares]

    def further(self) -> Further:
        """The rows of one more market in both tables, like those of the first one."""
        with closing(sqlite3.connect(str(self.base))) as connection:
            (first,) = connection.execute("SELECT market_id FROM markets ORDER BY rowid LIMIT 1").fetchone()
            (ticks,) = connection.execute("SELECT COUNT(*) FROM market_data").fetchone()
            (bets,) = connection.execute("SELECT COUNT(*) FROM trades").fetchone()
            selected = connection.execute("SELECT * FROM market_data WHERE market_id = ? ORDER BY sequence", (first,))
            added = [(ticks + number, first + "+", *row[2:]) for number, row in enumerate(selected)]
            selected = connection.execute("SELECT * FROM trades WHERE market_id = ? ORDER BY number", (first,))
            backed = [(bets + number, row[1], first + "+", *row[3:]) for number, row in enumerate(selected)]
            return [("market_data", added), ("trades", backed)]

    @contextmanager
    def copy(self) -> Iterator[Path]:
        """A temporary copy of the SQLite file. Raises NotAvailable if the disk is too full."""
        need_disk(Path(tempfile.gettempdir()), 4 * self.base.stat().st_size)
        with folder_until_the_end() as folder:
            path = Path(folder) / "market_data.sqlite"
            shutil.copyfile(str(self.base), str(path))
            with open(str(path), "rb+") as file:
                os.fsync(file.fileno())  # or else the first commit of a mode would have to wait for the whole file
            yield path


def stored(market: str, rows: int, ticks: int = 0, minutes: int = MINUTES) -> Store:
    """The files with this many rows, built if missing, once even for concurrent processes.

    :param ticks: use only this many of the last trades of the market file; 0: all.
    :param minutes: from one copy of the market to the next.

    Raises NotAvailable if the file has no trades, or memory or disk is insufficient.
    """
    inputs = [hashlib.sha256(Path(market).read_bytes()).hexdigest(), str(rows), str(ticks), str(minutes), VERSION]
    key = hashlib.sha256(" ".join(inputs).encode()).hexdigest()[:24]
    folder = cache_folder()
    with open(str(folder / (key + ".lock")), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / key).is_dir():
            need_disk(folder, rows * DISK_BYTES_PER_ROW)
            require_memory(rows * MEMORY_BYTES_PER_ROW, "{:,} rows of market data".format(rows))
            built = Path(tempfile.mkdtemp(prefix="building-", dir=str(folder)))
            try:
                build(trades(market)[-ticks:], rows, minutes * MINUTE_MS, Store(built))
                built.rename(folder / key)
            finally:
                shutil.rmtree(str(built), ignore_errors=True)
        os.utime(str(folder / key))
        forget_the_oldest(folder)
    return Store(folder / key)


def cache_folder() -> Path:
    """The folder of the cached stores."""
    named = os.environ.get("PERFBENCH_CACHE")
    folder = (Path(named) if named else Path.home() / ".cache" / "perfbench") / "market_data"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def forget_the_oldest(folder: Path) -> None:
    """Remove all stores but the most recently used."""
    stores = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("building-")]
    for path in sorted(stores, key=lambda path: -path.stat().st_mtime)[KEPT:]:
        shutil.rmtree(str(path), ignore_errors=True)


def need_disk(folder: Path, needed: int) -> None:
    """Require free bytes on the disk of this folder. Raises NotAvailable."""
    free = shutil.disk_usage(str(folder)).free
    if free < needed:
        text = "{} needs {:,.0f} MB on its disk, and {:,.0f} are free: ask for fewer rows, or free some"
        raise NotAvailable(text.format(folder, needed / 1e6, free / 1e6))


def build(base: List[Trade], rows: int, shift: int, store: Store) -> None:
    """Write the SQLite file and the CSV files."""
    with closing(sqlite3.connect(str(store.base), isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        for table, columns in TABLES.items():
            connection.execute("CREATE TABLE {} ({})".format(table, columns.replace("{}", "INTEGER")))
        insert = "INSERT INTO {} VALUES (?, ?, ?, ?, ?, ?)"
        connection.executemany(insert.format("market_data"), in_order_of_time(base, rows, shift))
        connection.executemany(insert.format("trades"), bets(base, connection))
        connection.executemany("INSERT INTO markets VALUES (?, ?, ?, ?, ?)", markets(base, rows, shift))
        connection.execute("COMMIT")
        for table in ("market_data", "trades"):
            with open(str(store.csv(table)), "w", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows(connection.execute("SELECT * FROM {}".format(table)))  # noqa: S608


def in_order_of_time(base: List[Trade], rows: int, shift: int) -> Iterator[Tuple[int, str, int, int, int, int]]:
    """The rows of ``market_data``. Equal times stay in the order of the file."""
    each = len(base)
    order = sorted(range(rows), key=lambda number: base[number % each].published + number // each * shift)
    for sequence, number in enumerate(order):
        copy, trade = number // each, base[number % each]
        runner, time = trade.runner + copy * RUNNER_SHIFT, trade.published + copy * shift
        yield sequence, market_id(trade, copy), runner, time, trade.price, trade.size


def market_id(trade: Trade, copy: int) -> str:
    """The id of the market that a copy stands for: longer than a real one, so that no two are the same."""
    return "{}{:05d}".format(trade.market, copy)


def bets(base: List[Trade], connection: sqlite3.Connection) -> Iterator[Tuple[int, str, str, int, int, int]]:
    """The rows of ``trades``: every tenth row is backed with 2.00 and hedged at the last price of its runner.

    The profit of a hedged bet is the stake times (price − last) / last, whoever wins.
    """
    last: Dict[int, int] = {trade.runner: trade.price for trade in base}
    query = "SELECT market_id, selection_id, timestamp, price FROM market_data WHERE sequence % ? = 0 ORDER BY sequence"
    for number, (market, runner, time, price) in enumerate(connection.execute(query, (BET_EVERY,))):
        hedge = last[runner % RUNNER_SHIFT]
        yield (
            number,
            "strategy_{:02d}".format(number % STRATEGIES),
            market,
            runner,
            time,
            round(STAKE * (price - hedge) / hedge),
        )


def markets(base: List[Trade], rows: int, shift: int) -> Iterator[StoredMarket]:
    """The rows of ``markets``."""
    for copy in range(-(-rows // len(base))):
        ticks: Dict[str, List[Trade]] = {}
        for trade in base[: rows - copy * len(base)]:
            ticks.setdefault(market_id(trade, copy), []).append(trade)
        for name, own in ticks.items():
            middle, late = own[len(own) // 2], own[len(own) * 3 // 4]
            times = middle.published + copy * shift, late.published + copy * shift
            yield StoredMarket(name, len(own), middle.runner + copy * RUNNER_SHIFT, *times)
