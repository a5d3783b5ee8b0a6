"""Timeline of updates read from market files, in publication order."""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from perfbench.errors import DataProblem
from perfbench.worker.market_cache import MarketChange

MS_PER_SECOND = 1000


@dataclass(frozen=True, slots=True)
class Update:
    """Line of a market file. ``offset`` is its time in seconds of market time from the opening; negative before it.

    The first line of a file has an offset of minus infinity: there is no market without it.
    """

    offset: float
    line: bytes

    @property
    def changes(self) -> list[MarketChange]:
        """Market changes of the update."""
        changes: list[MarketChange] = json.loads(self.line)["mc"]
        return changes


@dataclass(frozen=True, slots=True)
class Timeline:
    """Updates in order; the first ``opening`` of them were published before the exchange opens.

    ``offsets`` are those of the updates; ``definitions`` holds the first definition of every market by id.
    ``opening_times``: market time of the opening by market id, in seconds since 1970; files of different days have
    different ones.
    """

    updates: tuple[Update, ...]
    offsets: tuple[float, ...]
    opening: int
    definitions: dict[str, MarketChange]
    opening_times: dict[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Seconds of market time from the opening to the last update."""
        return self.offsets[-1]

    def position(self, offset: float) -> int:
        """Return the number of updates published up to an offset."""
        return max(self.opening, bisect_right(self.offsets, offset))


def build_timeline(
    files: Sequence[tuple[str, Path]], since: float | None = None, until: float | None = None
) -> Timeline:
    """Merge market files into one timeline, aligned at the opening whatever their recording dates.

    The exchange opens with the first update that is due, so that clients do not wait for nothing.

    :param files: display name and path of each file; an unpacked file has another name on disk.
    :param since: seconds relative to a file's announced start (``marketTime`` of its first market) from which updates
        are published; earlier ones are part of the first image. None: from the second update on.

    :param until: likewise the time of the last published update. None: the last update of the file.

    Raises DataProblem for a file without a market definition or without an update in the range, and for a market in
    two files.
    """
    definitions: dict[str, MarketChange] = {}
    opening_times: dict[str, float] = {}
    updates: list[Update] = []
    for name, path in files:
        file_definitions, file_updates, opens_at = _read_market_file(name, path, since, until)
        if duplicates := sorted(definitions.keys() & file_definitions.keys()):
            raise DataProblem(f"{name}: market {duplicates[0]} is also in another file", hint="leave one of them out")
        definitions |= file_definitions
        opening_times |= dict.fromkeys(file_definitions, opens_at)
        updates += file_updates
    updates.sort(key=lambda update: update.offset)
    opening = sum(update.offset < 0 for update in updates)
    first_offset = updates[opening].offset
    shifted = tuple(Update(min(u.offset - first_offset, u.offset), u.line) for u in updates)
    opening_times = {market_id: opens_at + first_offset for market_id, opens_at in opening_times.items()}
    return Timeline(shifted, tuple(update.offset for update in shifted), opening, definitions, opening_times)


def _read_market_file(
    name: str, path: Path, since: float | None, until: float | None
) -> tuple[dict[str, MarketChange], list[Update], float]:
    """Return the first definitions of a file's markets, the file's updates, and the market time of its opening."""
    definitions: dict[str, MarketChange] = {}
    published: list[tuple[float, bytes]] = []
    for line, message in _iterate_messages(path):
        for change in message["mc"]:
            if "marketDefinition" in change:
                definitions.setdefault(change["id"], change["marketDefinition"])
        latest = published[-1][0] if published else message["pt"] / MS_PER_SECOND
        published.append((max(latest, message["pt"] / MS_PER_SECOND), line))
    if not definitions or not published:
        raise DataProblem(f"{name} has no market definition", hint="choose another file")
    definition = next(iter(definitions.values()))
    opens_at = published[0][0] if since is None else _parse_market_time(definition, name) + since
    closes_at = published[-1][0] if until is None else _parse_market_time(definition, name) + until
    if not any(opens_at <= moment <= closes_at for moment, _ in published[1:]):
        raise DataProblem(
            f"{name} has no update while the exchange is open", hint="use an earlier --from or a later --until"
        )
    (_, first), *rest = published
    later = (Update(moment - opens_at, line) for moment, line in rest if moment <= closes_at)
    return definitions, [Update(-math.inf, first), *later], opens_at


def _iterate_messages(path: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    with path.open("rb") as lines:
        for line in lines:
            message = json.loads(line) if line.strip() else {}
            if message.get("mc"):
                yield line, message


def _parse_market_time(definition: MarketChange, name: str) -> float:
    """Return the announced start of a market in seconds since 1970."""
    try:
        return datetime.fromisoformat(definition["marketTime"].replace("Z", "+00:00")).timestamp()
    except (KeyError, ValueError, AttributeError):
        raise DataProblem(f"{name} has no start time (marketTime)", hint="use --from start") from None
