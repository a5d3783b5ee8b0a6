"""Parameters of a generated market file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from perfbench.errors import UsageProblem

Ladder = Literal["full", "levels"]

MIN_UPDATES = 20
"""A market needs this many lines to open, be suspended, lose a runner, turn in-play and close."""

MAX_RUNNERS = 60

FIRST_START_TIME = 1_780_311_600_000
"""Start of the first market: 2026-06-01 11:00 UTC, in milliseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Parameters of a generated market file; equal recipes give equal bytes.

    :param updates: lines in the file, divided among the markets.
    :param bsp: Betfair starting price bets, reconciled at the off.
    :param in_play: the market turns in-play for the last fifth of its lines.
    :param removal: one runner is removed before the off.
    :param ladder: ``full`` depth (``atb``, ``atl``) or the best ten ``levels`` (``batb``, ``batl``).
    :param changed_runners: mean number of runners that change in a message.
    :param images: share of lines that are a new image of a market, with its definition and whole books, as event files have.
    :param event: id of the event; 0 derives it from the seed. ``event_type`` is the id of its sport.
    :param start: of the first market, in milliseconds since 1970.
    """

    seed: int = 1
    runners: int = 10
    updates: int = 20_000
    bsp: bool = False
    in_play: bool = False
    removal: bool = False
    ladder: Ladder = "full"
    changed_runners: float = 2.0
    markets: int = 1
    images: float = 0.0
    event: int = 0
    event_type: str = "7"
    market_type: str = "WIN"
    start: int = FIRST_START_TIME

    def __post_init__(self) -> None:
        """Raises UsageProblem for invalid parameters."""
        if not 2 <= self.runners <= MAX_RUNNERS:
            raise UsageProblem(f"--runners {self.runners}: a market has 2 to {MAX_RUNNERS} runners")
        if self.removal and self.runners < 3:
            raise UsageProblem("--removal needs --runners 3 or more")
        if self.markets < 1:
            raise UsageProblem(f"--markets {self.markets}: must be at least 1")
        if self.updates < MIN_UPDATES * self.markets:
            raise UsageProblem(f"--updates {self.updates}: a market needs at least {MIN_UPDATES} updates")
        if not 0 <= self.images < 1:
            raise UsageProblem(f"--images {self.images:g}: a share from 0 up to below 1")
        if not 1 <= self.changed_runners <= self.runners:
            raise UsageProblem(
                f"--changed-runners {self.changed_runners:g}: must be between 1 and the number of runners"
            )


SAMPLE_RECIPES = {
    "sample-win": Recipe(seed=1, runners=12, updates=8_000, bsp=True, in_play=True, removal=True, changed_runners=2.6),
    "sample-match-odds": Recipe(seed=2, runners=3, updates=6_000, in_play=True, ladder="levels", changed_runners=1.2),
    "sample-event": Recipe(seed=3, runners=5, updates=1_500, in_play=True, markets=3, changed_runners=1.5),
}
"""The files committed in ``sample_data/``, by name."""
