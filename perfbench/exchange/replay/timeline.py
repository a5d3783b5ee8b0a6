"""Market files as one sequence of updates, in the order in which an exchange publishes them."""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from perfbench.errors import DataProblem
from perfbench.exchange.market_cache import MarketChange

MS_PER_SECOND = 1000


@dataclass(frozen=True, slots=True)
class Update:
    """A line of a market file, published so many seconds of market time after the exchange opens; negative: before it.

    The first line of a file is of any time before: there is no market without it.
    """

    offset: float
    line: bytes

    @property
    def changes(self) -> list[MarketChange]:
        """The changes of its markets."""
        changes: list[MarketChange] = json.loads(self.line)["mc"]
        return changes


@dataclass(frozen=True, slots=True)
class Timeline:
    """Updates in order. The first ``opening`` of them were published before the exchange opens.

    ``offsets`` are those of the updates, ``definitions`` the first definition of every market by its id.
    """

    updates: tuple[Update, ...]
    offsets: tuple[float, ...]
    opening: int
    definitions: dict[str, MarketChange]

    @property
    def seconds(self) -> float:
        """Seconds of market time from the opening to the last update."""
        return self.offsets[-1]

    def position(self, offset: float) -> int:
        """How many updates have been published by then."""
        return max(self.opening, bisect_right(self.offsets, offset))


def build_timeline(
    files: Sequence[tuple[str, Path]], since: float | None = None, until: float | None = None
) -> Timeline:
    """The market files side by side: the exchange opens at the same moment of each, in whatever year it was recorded.

    It opens with the first update that is due, so that nobody waits for nothing.

    :param files: each with the name by which the user knows it; an unpacked one has another on the disk.
    :param since: seconds after a file's announced start (``marketTime`` of its first market; negative: before) from which on its
        updates are published; those before are in the first image. None: from the second, the first is the image.
    :param until: likewise, the last moment of which an update is published. None: to the last update.

    Raises DataProblem for a file without a market definition or without an update from then on, and for a market in two files.
    """
    definitions: dict[str, MarketChange] = {}
    updates: list[Update] = []
    for name, path in files:
        found, own = _read_market_file(name, path, since, until)
        if twice := sorted(definitions.keys() & found.keys()):
            raise DataProblem(f"{name}: market {twice[0]} is in another file too; leave one of them out")
        definitions |= found
        updates += own
    updates.sort(key=lambda update: update.offset)
    opening = sum(update.offset < 0 for update in updates)
    idle = updates[opening].offset
    moved = tuple(Update(min(u.offset - idle, u.offset), u.line) for u in updates)
    return Timeline(moved, tuple(update.offset for update in moved), opening, definitions)


def _read_market_file(
    name: str, path: Path, since: float | None, until: float | None
) -> tuple[dict[str, MarketChange], list[Update]]:
    """The first definitions of a file's markets, and its updates."""
    definitions: dict[str, MarketChange] = {}
    published: list[tuple[float, bytes]] = []
    for text, message in _iterate_messages(path):
        for change in message["mc"]:
            if "marketDefinition" in change:
                definitions.setdefault(change["id"], change["marketDefinition"])
        latest = published[-1][0] if published else message["pt"] / MS_PER_SECOND
        published.append((max(latest, message["pt"] / MS_PER_SECOND), text))
    if not definitions or not published:
        raise DataProblem(f"{name} has no market definition, which a stream begins with; choose another file")
    definition = next(iter(definitions.values()))
    opens = published[0][0] if since is None else _parse_market_time(definition, name) + since
    closes = published[-1][0] if until is None else _parse_market_time(definition, name) + until
    if not any(opens <= moment <= closes for moment, _ in published[1:]):
        raise DataProblem(f"{name} has no update while the exchange is open: --from earlier or --until later")
    (_, first), *rest = published
    later = (Update(moment - opens, text) for moment, text in rest if moment <= closes)
    return definitions, [Update(-math.inf, first), *later]


def _iterate_messages(path: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    with path.open("rb") as lines:
        for text in lines:
            message = json.loads(text)
            if message.get("mc"):
                yield text, message


def _parse_market_time(definition: MarketChange, name: str) -> float:
    """When a market was announced to start, in seconds since 1970."""
    try:
        return datetime.fromisoformat(definition["marketTime"].replace("Z", "+00:00")).timestamp()
    except (KeyError, ValueError, AttributeError):
        raise DataProblem(f"{name} does not say when its market starts (marketTime): --from start") from None
