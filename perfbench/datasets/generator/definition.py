"""Market definitions as a stream file carries them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timezone
from random import Random

from perfbench.datasets.generator.recipe import Recipe

FIRST_WORDS = ("Quiet", "Amber", "Northern", "Paper", "Second", "Velvet", "Iron", "Early", "Lucky", "Silver", "Plain")
LAST_WORDS = ("Harbour", "Lane", "Signal", "Ledger", "Meadow", "Compass", "Winter", "Anchor", "Tempo", "Orchard")


@dataclass
class Definition:
    """The state of a market in its definition; ``as_json`` writes the fields in the order of real files."""

    recipe: Recipe
    names: tuple[str, ...]
    selections: tuple[int, ...]
    off: int
    version: int
    status: str = "OPEN"
    in_play: bool = False
    reconciled: bool = False
    settled: int | None = None
    winner: int | None = None
    removed: dict[int, int] = field(default_factory=dict)
    starting_prices: dict[int, float] = field(default_factory=dict)

    @classmethod
    def generate(cls, recipe: Recipe, off: int, chance: Random) -> Definition:
        """A market with invented names; ``off`` in milliseconds since 1970."""
        names = tuple(
            f"{number}. {_pick_word(FIRST_WORDS, chance)} {_pick_word(LAST_WORDS, chance)}"
            for number in range(1, recipe.runners + 1)
        )
        first = 10_000_000 + chance.getrandbits(24)
        selections = tuple(first + 7 * number + chance.getrandbits(2) for number in range(recipe.runners))
        return cls(recipe, names, selections, off, 3_000_000_000 + chance.getrandbits(20))

    def as_json(self) -> str:
        """The definition as the value of ``marketDefinition``."""
        active = sum(self._runner_status(selection) == "ACTIVE" for selection in self.selections)
        fields: dict[str, object] = {
            "bspMarket": self.recipe.bsp,
            "turnInPlayEnabled": self.recipe.in_play,
            "persistenceEnabled": True,
            "marketBaseRate": 5.0,
            "eventId": str(self.recipe.event or 30_000_000 + self.recipe.seed),
            "eventTypeId": self.recipe.event_type,
            "numberOfWinners": 1,
            "bettingType": "ODDS",
            "marketType": self.recipe.market_type,
            "marketTime": format_time(self.off),
            "suspendTime": format_time(self.off),
            "bspReconciled": self.reconciled,
            "complete": True,
            "inPlay": self.in_play,
            "crossMatching": self.status == "OPEN" and not self.in_play,
            "runnersVoidable": False,
            "numberOfActiveRunners": active,
            "betDelay": 1 if self.in_play else 0,
            "status": self.status,
            **({"settledTime": format_time(self.settled)} if self.settled is not None else {}),
            "runners": [self._runner(*numbered) for numbered in enumerate(self.selections, 1)],
            "regulators": ["MR_INT"],
            "venue": "Perfbench",
            "countryCode": "GB",
            "discountAllowed": True,
            "timezone": "Europe/London",
            "openDate": format_time(self.off),
            "version": self.version,
            "name": "1m Generated",
            "eventName": f"Generated {self.recipe.event or self.recipe.seed}",
        }
        return json.dumps(fields, separators=(",", ":"))

    def _runner(self, priority: int, selection: int) -> dict[str, object]:
        return {
            "adjustmentFactor": round(100 / self.recipe.runners, 2),
            "status": self._runner_status(selection),
            "sortPriority": priority,
            **({"removalDate": format_time(self.removed[selection])} if selection in self.removed else {}),
            **({"bsp": self.starting_prices[selection]} if selection in self.starting_prices else {}),
            "id": selection,
            "name": self.names[priority - 1],
        }

    def _runner_status(self, selection: int) -> str:
        if selection in self.removed:
            return "REMOVED"
        if self.winner is None:
            return "ACTIVE"
        return "WINNER" if selection == self.winner else "LOSER"


def format_time(milliseconds: int) -> str:
    """A time in milliseconds since 1970 as the stream writes it."""
    moment = datetime.fromtimestamp(milliseconds // 1000, timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"


def _pick_word(words: tuple[str, ...], chance: Random) -> str:
    return words[int(chance.random() * len(words))]
