"""What the path of a file says about its content: a market, an event, the day, as Betfair's downloads are laid out.

``BASIC/2025/Aug/1/34567890/1.246801357.bz2`` is a market of event 34567890, and ``34567890.bz2`` beside it the event
file with all of its markets (docs of flumine, "Event Processing").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from perfbench.datasets.archives import make_readable, strip_suffix
from perfbench.datasets.file_kinds import MARKET_ID

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LAYOUT = re.compile(
    rf"(?:^|/)(?:(BASIC|ADVANCED|PRO)/)?(\d{{4}})/({'|'.join(MONTHS)})/(\d{{1,2}})/(?:(\d+)/)?[^/]+$", re.IGNORECASE
)
EVENT_ID = re.compile(r"\d{6,}")
PACKED_TAR_SUFFIXES = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


@dataclass(frozen=True, slots=True)
class Layout:
    """What Betfair's layout says: the plan, the day and the event; empty or None where the path does not say it."""

    plan: str = ""
    day: date | None = None
    event: str = ""


def split_path(path: str, *, in_archive: bool) -> tuple[str, str]:
    """The folder and the file name of a path; Windows writes paths in archives with backslashes."""
    folder, _, name = (path.replace("\\", "/") if in_archive else path).rpartition("/")
    return folder, name


def get_market_name(path: str, *, in_archive: bool) -> str:
    """The name of a market file: that of the file, without the suffix of its compression, fit to be printed and saved."""
    name = strip_suffix(split_path(path, in_archive=in_archive)[1])
    return name if len(name) < 100 and name.isprintable() else make_readable(name)


def is_market_name(name: str) -> bool:
    """Whether a name without suffix is one that Betfair and recorders give to the file of one market."""
    return MARKET_ID.fullmatch(name) is not None


def is_event_name(name: str) -> bool:
    """Whether a name without suffix may be that of an event file: a number."""
    return EVENT_ID.fullmatch(name) is not None


def is_packed_tar_name(name: str) -> bool:
    """Whether a name is that of a compressed tar."""
    return name.lower().endswith(PACKED_TAR_SUFFIXES)


def read_layout(path: str) -> Layout:
    """What a path in Betfair's layout says about its file, without reading it."""
    match = LAYOUT.search(path.replace("\\", "/"))
    if match is None:
        return Layout()
    plan, year, month, day, event = match.groups()
    try:
        when = date(int(year), MONTHS.index(month.capitalize()) + 1, int(day))
    except ValueError:
        when = None
    return Layout((plan or "").upper(), when, event or "")
