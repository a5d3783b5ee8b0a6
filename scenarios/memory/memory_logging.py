"""What does it cost to log the memory of a program, and how often may it be called?

Every mode replays the first ``updates`` books of the market file and reads or logs the resident memory at every update, or once a
second of the market's clock; the advice names no frequency. ``call_us`` is the median time of a call, ``every_1_percent`` and
``every_0_1_percent`` are the updates between two calls at which they take 1 % and 0.1 % of the replay; ``pause_1_percent_ms`` and
``pause_0_1_percent_ms`` are the same in time, for any program. ``logged_share`` is the share of the pass that all calls took.
The log is a file. ``--set lightweight=true`` replays plain dicts, which take less time, so that the same call is a larger share.
"""

from __future__ import annotations

import importlib
import logging
import os
import time
from array import array
from contextlib import contextmanager
from statistics import median
from tempfile import TemporaryFile
from typing import Any, Callable, Dict, Iterator

from perfbench import Metric, NotAvailable, Work, mode, observed, setup
from perfbench.kit import ScenarioError
from perfbench.kit.books import Session
from perfbench.kit.books import session as session_of
from perfbench.kit.pins import PSUTIL

UNIT = "updates"
METRICS = {
    "calls": Metric("", better="neither"),
    "call_us": Metric("µs"),
    "every_1_percent": Metric("updates"),
    "every_0_1_percent": Metric("updates"),
    "pause_1_percent_ms": Metric("ms"),
    "pause_0_1_percent_ms": Metric("ms"),
    "logged_share": Metric("share"),
}
QUICK = {"updates": 100}
QUICK_LINES = 2_000

STATM = "/proc/self/statm"
PAGE = os.sysconf("SC_PAGE_SIZE")
LONGEST = 128
"""Buffer size in bytes for seven numbers."""

SHARES = {"1_percent": 0.01, "0_1_percent": 0.001}
MB = 1024 * 1024
EMPTY_CALLS = 1_000


@contextmanager
def kept_open() -> Iterator[Callable[[], int]]:
    """Read the resident memory from a file that stays open: the system regenerates it for each read from offset 0."""
    try:
        number = os.open(STATM, os.O_RDONLY)
    except OSError:
        raise NotAvailable("this system has no {}: run it on Linux".format(STATM)) from None
    try:
        yield lambda: int(os.pread(number, LONGEST, 0).split()[1]) * PAGE
    finally:
        os.close(number)


def not_logged(session: Session) -> Work:
    """The replay alone."""
    for number, book in enumerate(observed(session.books())):
        session.record.note(number, book)
    return Work(session.amount, output=session.record.items())


def logged(session: Session, resident: Callable[[], int], every_ms: int = 0) -> Work:
    """The replay with a call at every update, or at the first one after ``every_ms`` milliseconds of the market's clock.

    If the clock goes back, as in a file of several markets, the interval restarts. Raises ScenarioError for a negative interval.
    """
    if every_ms < 0:
        raise ScenarioError("every_ms={}: milliseconds between two calls, at least 0".format(every_ms))
    log, took = (array("q", [0]) * session.amount for _ in range(2))
    clock, calls, logged_at = time.perf_counter_ns, 0, -every_ms
    began = clock()
    for number, book in enumerate(observed(session.books())):
        session.record.note(number, book)
        now = session.record.published(number)
        if not 0 <= now - logged_at < every_ms:
            start = clock()
            log[calls] = resident()
            took[calls] = clock() - start
            calls, logged_at = calls + 1, now
    whole = clock() - began
    nothing = _empty_call()
    spent = max(sum(took[:calls]) - calls * nothing, 1)
    call = max(median(took[:calls]) - nothing, 1)
    rest = (whole - spent) / session.amount
    numbers = {"calls": calls, "call_us": call / 1e3, "logged_share": spent / whole, "last_rss_bytes": log[calls - 1]}
    return Work(session.amount, output=session.record.items(), **numbers, **intervals(call, rest))


def intervals(call: float, rest: float) -> Dict[str, float]:
    """The updates and the milliseconds from one call to the next at which calls of ``call`` ns take 1 % and 0.1 % of the time.

    :param rest: nanoseconds of an update without a call.
    """
    numbers = {}
    for name, share in SHARES.items():
        between = call * (1 - share) / share
        numbers["every_" + name] = between / rest
        numbers["pause_{}_ms".format(name)] = between / 1e6
    return numbers


def _empty_call() -> float:
    """Nanoseconds that reading the clock adds to a call."""
    clock: Any = time.perf_counter_ns
    took = []
    for _ in range(EMPTY_CALLS):
        start = clock()
        took.append(clock() - start)
    return median(took)


@setup
def session(market: str, *, updates: int = 10_000, lightweight: bool = False) -> Session:
    """One market with ``updates`` updates."""
    return session_of(market, 1, updates, lightweight)


@setup
def statm() -> Iterator[Callable[[], int]]:
    """/proc/self/statm, opened once. Raises NotAvailable where the system has none."""
    with kept_open() as resident:
        yield resident


@setup
def psutil() -> Any:
    """psutil, imported."""
    return importlib.import_module("psutil")


@setup
def process(psutil: Any) -> Any:
    """A Process object, created once."""
    return psutil.Process()


@setup
def log() -> Iterator[logging.Logger]:
    """A logger that writes its lines to a file."""
    with TemporaryFile("w+", encoding="utf-8") as file:
        handler, logger = logging.StreamHandler(file), logging.getLogger("memory_logging")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        yield logger
        logger.removeHandler(handler)


@setup
def advised(psutil: Any, log: logging.Logger) -> Callable[[], int]:
    """The advised call: the memory by psutil, logged as an f-string in MB."""

    def call() -> int:
        resident = psutil.Process().memory_info().rss
        log.info(f"Memory usage: {resident / MB:.2f} MB")
        return int(resident)

    return call


@mode(baseline=True)
def off(session: Session) -> Work:
    """Memory is not logged."""
    return not_logged(session)


@mode(needs=[PSUTIL])
def advised_call(session: Session, advised: Callable[[], int]) -> Work:
    """As advised: psutil.Process().memory_info().rss, logged as an f-string in MB, here at every update."""
    return logged(session, advised)


@mode(needs=[PSUTIL])
def advised_each_second(session: Session, advised: Callable[[], int], *, every_ms: int = 1000) -> Work:
    """The advised call once a second of the market's clock."""
    return logged(session, advised, every_ms)


@mode(needs=[PSUTIL])
def psutil_read(session: Session, psutil: Any) -> Work:
    """psutil.Process().memory_info().rss at every update, without a log."""
    return logged(session, lambda: int(psutil.Process().memory_info().rss))


@mode(needs=[PSUTIL])
def psutil_kept(session: Session, process: Any) -> Work:
    """psutil at every update with one Process object, without a log."""
    return logged(session, lambda: int(process.memory_info().rss))


@mode
def statm_kept_open(session: Session, statm: Callable[[], int]) -> Work:
    """/proc/self/statm, opened once and read again at every update, without a log."""
    return logged(session, statm)


@mode
def statm_each_second(session: Session, statm: Callable[[], int], *, every_ms: int = 1000) -> Work:
    """/proc/self/statm, kept open, once a second of the market's clock, without a log."""
    return logged(session, statm, every_ms)


@mode(needs=[PSUTIL], group="exact")
def uss_each_second(session: Session, process: Any, *, every_ms: int = 1000) -> Work:
    """The unique set size (USS), for which the system scans all pages of the process."""
    return logged(session, lambda: int(process.memory_full_info().uss), every_ms)
