"""Generate a corpus from a seed: markets of several sports, types and sizes, as a tar or a folder in Betfair's layout."""

from __future__ import annotations

import bz2
import io
import math
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from random import Random
from typing import TypeVar

from perfbench.datasets.generator.market import stream_event_lines, stream_lines
from perfbench.datasets.generator.recipe import FIRST_START_TIME, MIN_UPDATES, Recipe
from perfbench.errors import UsageProblem
from perfbench.util.files import build_write_problem, open_atomically

MAX_MARKETS = 100_000
"""Markets of a corpus at most: the ids of the next seed follow."""

MAX_UPDATES = 200_000
HOUR = 3_600_000
DAY = 24 * HOUR
DAYS = 28
FIRST_EVENT = 30_000_000
MAX_EVENT_MARKETS = 6
REMOVAL_SHARE = 0.1
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

Choice = TypeVar("Choice")


@dataclass(frozen=True, slots=True)
class MarketKind:
    """Markets of one type: their share within the sport, the least and the most runners, the share that turns in-play.

    ``size`` shifts the logarithm of the updates, in units of the spread; ``gap`` is the time to the event's next market.
    """

    market_type: str
    share: float
    runners: tuple[int, int]
    in_play: float
    size: float
    bsp: bool = False
    gap: int = 0


KINDS: dict[str, tuple[float, tuple[MarketKind, ...]]] = {
    "7": (
        0.45,
        (
            MarketKind("WIN", 0.6, (5, 16), 0.9, 0.5, bsp=True, gap=1_800_000),
            MarketKind("PLACE", 0.4, (5, 16), 0.0, -0.5, bsp=True, gap=1_800_000),
        ),
    ),
    "4339": (0.25, (MarketKind("WIN", 1.0, (5, 6), 0.0, -0.8, bsp=True, gap=900_000),)),
    "1": (
        0.2,
        (
            MarketKind("MATCH_ODDS", 0.4, (3, 3), 1.0, 1.0),
            MarketKind("OVER_UNDER_25", 0.4, (2, 2), 0.9, 0.0),
            MarketKind("CORRECT_SCORE", 0.2, (17, 19), 0.8, 0.3),
        ),
    ),
    "2": (0.1, (MarketKind("MATCH_ODDS", 0.8, (2, 2), 0.9, 0.6), MarketKind("SET_BETTING", 0.2, (4, 6), 0.6, -0.6))),
}
"""For each sport (eventTypeId) its share of the events, and its kinds of markets. The numbers are invented."""


@dataclass(frozen=True, slots=True)
class CorpusRecipe:
    """Parameters of a generated corpus; equal recipes give equal files.

    :param updates: the median number of lines of a market.
    :param spread: standard deviation of the logarithm of that number; 0 gives every market the same.
    :param event_files: also write the event file of each event, with the lines of all of its markets.
    """

    markets: int = 500
    seed: int = 1
    updates: int = 400
    spread: float = 1.0
    event_files: bool = False

    def __post_init__(self) -> None:
        """Raises UsageProblem for invalid parameters."""
        if not 1 <= self.markets <= MAX_MARKETS:
            raise UsageProblem(f"--markets {self.markets}: from 1 to {MAX_MARKETS:,}")
        if not MIN_UPDATES <= self.updates <= MAX_UPDATES:
            raise UsageProblem(f"--updates {self.updates}: from {MIN_UPDATES} to {MAX_UPDATES:,}")
        if not 0 <= self.spread <= 3:
            raise UsageProblem(f"--spread {self.spread:g}: from 0 to 3")


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """A file of a corpus: its path in Betfair's layout, the content as bz2, and its time in seconds since 1970.

    ``updates`` are its lines; ``is_event``: the markets of the file have files of their own.
    """

    path: str
    content: bytes
    time: int
    updates: int
    is_event: bool = False


def generate_files(recipe: CorpusRecipe) -> Iterator[CorpusFile]:
    """The files of a corpus, event by event."""
    for markets in _plan_events(recipe):
        folder = _name_folder(markets[0])
        for market in markets:
            yield _pack(f"{folder}/1.9{market.seed % 1_000_000:06d}00.bz2", stream_lines(market), market)
        if recipe.event_files:
            yield _pack(f"{folder}/{markets[0].event}.bz2", stream_event_lines(markets), markets[0], is_event=True)


def write_corpus(recipe: CorpusRecipe, path: Path, observe: Callable[[CorpusFile], None]) -> None:
    """Write a corpus: a tar if its name ends in ``.tar``, else a folder. Raises StorageProblem.

    :param observe: called with each file that was written.
    """
    try:
        if path.suffix.lower() == ".tar":
            with (
                open_atomically(path) as file,
                tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar,
            ):
                for item in generate_files(recipe):
                    header = tarfile.TarInfo(item.path)
                    header.size, header.mtime = len(item.content), item.time
                    tar.addfile(header, io.BytesIO(item.content))
                    observe(item)
            return
        for item in generate_files(recipe):
            target = path / item.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(item.content)
            observe(item)
    except OSError as error:
        raise build_write_problem(path, error, "file or folder") from error


def _plan_events(recipe: CorpusRecipe) -> Iterator[list[Recipe]]:
    """The recipes of the markets of each event."""
    chance = Random(f"perfbench corpus {recipe.seed}")
    number = 0
    while number < recipe.markets:
        sport = _choose([(name, share) for name, (share, _) in KINDS.items()], chance)
        kinds = [(kind, kind.share) for kind in KINDS[sport][1]]
        day, hour = int(chance.random() * DAYS), int(chance.random() * 8)
        start = FIRST_START_TIME + day * DAY + hour * HOUR
        event = FIRST_EVENT + recipe.seed * MAX_MARKETS + number
        markets = []
        for _ in range(min(1 + int(chance.random() * MAX_EVENT_MARKETS), recipe.markets - number)):
            kind = _choose(kinds, chance)
            market = _draw_market(recipe, number, kind, chance)
            markets.append(replace(market, event=event, event_type=sport, start=start))
            start += kind.gap
            number += 1
        yield markets


def _draw_market(recipe: CorpusRecipe, number: int, kind: MarketKind, chance: Random) -> Recipe:
    low, high = kind.runners
    runners = low + int(chance.random() * (high - low + 1))
    size = recipe.updates * math.exp(recipe.spread * (kind.size + _draw_normal(chance)))
    return Recipe(
        seed=recipe.seed * MAX_MARKETS + number,
        runners=runners,
        updates=min(MAX_UPDATES, max(MIN_UPDATES, round(size))),
        bsp=kind.bsp,
        in_play=chance.random() < kind.in_play,
        removal=runners > 5 and chance.random() < REMOVAL_SHARE,
        changed_runners=min(float(runners), 1.2 + 2 * chance.random()),
        market_type=kind.market_type,
    )


def _draw_normal(chance: Random) -> float:
    """About standard normal: the sum of twelve uniform numbers has the same digits on every platform."""
    return sum(chance.random() for _ in range(12)) - 6


def _choose(choices: Sequence[tuple[Choice, float]], chance: Random) -> Choice:
    left = chance.random() * sum(share for _, share in choices)
    for choice, share in choices:
        left -= share
        if left < 0:
            return choice
    return choices[-1][0]


def _name_folder(market: Recipe) -> str:
    day = datetime.fromtimestamp(market.start // 1000, timezone.utc)
    return f"BASIC/{day.year}/{MONTHS[day.month - 1]}/{day.day}/{market.event}"


def _pack(path: str, lines: Iterator[str], market: Recipe, *, is_event: bool = False) -> CorpusFile:
    plain = [line.encode("ascii") for line in lines]
    content = bz2.compress(b"".join(plain))
    return CorpusFile(path, content, market.start // 1000, len(plain), is_event)
