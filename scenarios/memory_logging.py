"""How often may a program log its memory while it replays a market, and how?

Every mode replays the first ``updates`` books of the market file and logs resident memory into an array. ``call_us`` is the
median time of a call, ``logged_share`` the share of the pass that all calls took, ``every_for_1_percent`` the number of updates
between two calls at which they take 1 % of it. Seconds are those of the market's clock; a live program uses its own. ``--set
lightweight=true`` replays plain dicts, which take less time, so that the same call is a larger share.
"""

from __future__ import annotations

import importlib
from typing import Any, Callable, Iterator

from _books import Session
from _books import session as session_of
from _memory_log import kept_open, logged, not_logged

from perfbench import Claim, Metric, Work, mode, setup

UNIT = "updates"
METRICS = {
    "calls": Metric("", better="neither"),
    "call_us": Metric("µs"),
    "logged_share": Metric("share"),
    "every_for_1_percent": Metric("updates"),
}
QUICK = {"updates": 100}
NOTES = "performance notes of the community"
TEXT = "log memory with psutil at every update"
CLAIMS = [
    Claim("off", "psutil_each_update", 1.0, NOTES, text=TEXT, better="statm_each_second"),
    Claim(
        "psutil_each_update", "psutil_each_second", 1.0, NOTES, "logged_share", "log once a second", "statm_each_second"
    ),
]
PSUTIL = ["psutil==7.2.2"]


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
def as_advised(psutil: Any) -> Callable[[], int]:
    """psutil.Process().memory_info().rss, a new Process for each call."""
    return lambda: int(psutil.Process().memory_info().rss)


@setup
def process(psutil: Any) -> Any:
    """A Process object, created once."""
    return psutil.Process()


@mode(baseline=True)
def off(session: Session) -> Work:
    """Memory is not logged."""
    return not_logged(session)


@mode(needs=PSUTIL)
def psutil_each_update(session: Session, as_advised: Callable[[], int]) -> Work:
    """As advised: psutil.Process().memory_info().rss at every update."""
    return logged(session, as_advised)


@mode(needs=PSUTIL)
def psutil_kept(session: Session, process: Any) -> Work:
    """psutil at every update, with one Process object."""
    return logged(session, lambda: int(process.memory_info().rss))


@mode(needs=PSUTIL)
def psutil_each_second(session: Session, as_advised: Callable[[], int], *, every_ms: int = 1000) -> Work:
    """psutil.Process().memory_info().rss once a second of the market's clock."""
    return logged(session, as_advised, every_ms)


@mode
def statm_kept_open(session: Session, statm: Callable[[], int]) -> Work:
    """/proc/self/statm, opened once and read again at every update."""
    return logged(session, statm)


@mode
def statm_each_second(session: Session, statm: Callable[[], int], *, every_ms: int = 1000) -> Work:
    """/proc/self/statm, kept open, once a second of the market's clock."""
    return logged(session, statm, every_ms)


@mode(needs=PSUTIL, group="exact")
def uss_each_second(session: Session, process: Any, *, every_ms: int = 1000) -> Work:
    """The unique set size (USS), for which the system scans all pages of the process."""
    return logged(session, lambda: int(process.memory_full_info().uss), every_ms)
