"""Failing batches on the real SQLite, for the traps of batch_inserts: a full disk, and a second writer."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import contextmanager
from typing import Iterator, Mapping, Sequence, TypeVar

from _writers import INSERT, Row, connected

from perfbench.worker.scenario_api import ScenarioError

HELD = 0.005
"""Seconds for which the second writer locks the database."""

NO_LIMIT = 2**30

Choice = TypeVar("Choice")


def advised(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """A batch as advised. SQLite ends the transaction itself when the disk is full: then its ROLLBACK fails.

    The user sees ``cannot rollback - no transaction is active`` instead of the real error. The same happens if BEGIN itself
    fails, or anything after the commit within this ``try``.
    """
    try:
        connection.execute("BEGIN")
        connection.executemany(INSERT, rows)
        connection.commit()
    except Exception:
        connection.execute("ROLLBACK")
        raise


def checked(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """The same batch done right: ``with connection:`` rolls back only if there is a transaction, so the real error is seen."""
    with connection:
        connection.execute("BEGIN")
        connection.executemany(INSERT, rows)


ROLLBACKS = {"advised": advised, "checked": checked}
BEGINS = {"deferred": "BEGIN", "immediate": "BEGIN IMMEDIATE"}


def chosen(name: str, value: str, choices: Mapping[str, Choice]) -> Choice:
    """The choice with this name. Raises ScenarioError if there is none."""
    if value not in choices:
        raise ScenarioError("{}={}: choose {}".format(name, value, " or ".join(choices)))
    return choices[value]


class FullDisk:
    """Saves each batch twice: on a full disk, and with room again. Counts the errors, and those that hid the real one.

    :param rollback: ``advised`` or ``checked``.
    """

    def __init__(self, connection: sqlite3.Connection, rollback: str) -> None:
        self._connection = connection
        self._save = chosen("rollback", rollback, ROLLBACKS)
        self.errors = 0
        self.masked = 0

    def insert(self, rows: Sequence[Row]) -> None:
        """Save a batch. It may fit into the existing pages of the file: then once is enough."""
        try:
            with self._no_room():
                self._save(self._connection, rows)
        except sqlite3.OperationalError as error:
            self.errors += 1
            self.masked += "no transaction is active" in str(error)
            self._save(self._connection, rows)

    @contextmanager
    def _no_room(self) -> Iterator[None]:
        (pages,) = self._connection.execute("PRAGMA page_count").fetchone()
        self._connection.execute("PRAGMA max_page_count = {}".format(pages))
        try:
            yield
        finally:
            self._connection.execute("PRAGMA max_page_count = {}".format(NO_LIMIT))


class SecondWriter:
    """Saves each batch while another connection writes, and tries again when SQLite says that the database is locked.

    Reads the last row first, as a restarted logger does.

    :param begin: ``deferred`` is the default of BEGIN: the first statement decides, here a read. When that transaction wants to
        write, SQLite does not wait however long the timeout, because the other one may be waiting for this reader. ``immediate``
        acquires the write lock at once, and waits for it.
    """

    def __init__(self, connection: sqlite3.Connection, database: str, begin: str) -> None:
        self._connection = connection
        self._database = database
        self._begin = chosen("begin", begin, BEGINS)
        self.failed_at_once = 0

    def insert(self, rows: Sequence[Row]) -> None:
        """Save a batch, however often it takes."""
        locked = threading.Event()
        other = threading.Thread(target=self._hold, args=(locked,))
        other.start()
        locked.wait()
        while not self._saved(rows):
            self.failed_at_once += 1
        other.join()

    def _saved(self, rows: Sequence[Row]) -> bool:
        try:
            with self._connection:
                self._connection.execute(self._begin)
                self._connection.execute("SELECT max(sequence) FROM trades").fetchone()
                self._connection.executemany(INSERT, rows)
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            return False
        return True

    def _hold(self, locked: threading.Event) -> None:
        other = connected(self._database)
        try:
            with other:
                other.execute("BEGIN IMMEDIATE")
                locked.set()
                time.sleep(HELD)
        finally:
            locked.set()
            other.close()
