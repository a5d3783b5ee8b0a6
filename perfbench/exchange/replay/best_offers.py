"""What a subscription shows of a market: fields, and levels of best offers derived from the full depth.

Names and meaning are those of Betfair's Exchange Stream API. Best offers are levels: ``[level, price, size]``, level 0 the best,
and a level of size 0 is gone. A file that has them, as recorded, gives its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from perfbench.exchange.market_cache import RUNNER_ID_KEYS, MarketChange

BEST_OFFER_KEYS = frozenset({"batb", "batl", "bdatb", "bdatl"})
BEST_OFFER_SOURCES = {"batb": ("atb", True), "batl": ("atl", False)}
"""Best offers, the full ladder that they come from, and whether a higher price is better."""


@dataclass(frozen=True, slots=True)
class MarketFields:
    """The keys of the JSON that a subscription shows, and the number of levels of best offers."""

    keys: frozenset[str]
    levels: int

    @property
    def derives(self) -> tuple[str, ...]:
        """The best offers that are asked for."""
        return tuple(name for name in BEST_OFFER_SOURCES if name in self.keys)


class ChangeReducer:
    """Takes the changes of all markets in their order, and gives what is left of each for these fields."""

    def __init__(self, fields: MarketFields) -> None:
        self._fields = fields
        self._depths: dict[tuple[str, int, float], _BestOffers] = {}

    def reduce(self, change: MarketChange) -> MarketChange | None:
        """A change with nothing but these fields; None if nothing is left of it."""
        market = change["id"]
        if change.get("img"):
            self._forget(market)
        kept: MarketChange = {
            key: change[key] for key in ("marketDefinition", "tv") if key in change and key in self._fields.keys
        }
        runners = [reduced for runner in change.get("rc") or () if (reduced := self._runner(market, runner))]
        if runners:
            kept["rc"] = runners
        if not kept and not change.get("img"):
            return None
        flags = {key: True for key in ("img", "con") if change.get(key)}
        return {"id": market, **flags, **kept}

    def _runner(self, market: str, runner: MarketChange) -> MarketChange | None:
        names = {key: runner[key] for key in RUNNER_ID_KEYS if key in runner}
        kept = {key: self._within(key, value) for key, value in runner.items() if key in self._fields.keys}
        kept = {key: value for key, value in kept.items() if value or key not in BEST_OFFER_KEYS}
        if self._fields.derives:
            place = market, runner["id"], runner.get("hc", 0)
            depth = self._depths.setdefault(place, _BestOffers(self._fields))
            kept.update(depth.changed(runner))
        return {**names, **kept} if kept else None

    def _within(self, key: str, value: Any) -> Any:
        return (
            [entry for entry in value if entry[0] < self._fields.levels] if key in BEST_OFFER_KEYS and value else value
        )

    def _forget(self, market: str) -> None:
        for place in [place for place in self._depths if place[0] == market]:
            del self._depths[place]


class _BestOffers:
    """The full ladders of one runner, and the best of them as they were last told."""

    def __init__(self, fields: MarketFields) -> None:
        self._levels = fields.levels
        self._ladders: dict[str, dict[float, float]] = {name: {} for name in fields.derives}
        self._told: dict[str, list[tuple[float, float]]] = {name: [] for name in fields.derives}

    def changed(self, runner: MarketChange) -> dict[str, list[list[float]]]:
        """The levels that a change of the full ladders changes."""
        found = {}
        for name, ladder in self._ladders.items():
            full, highest = BEST_OFFER_SOURCES[name]
            entries = runner.get(full)
            if not entries:
                continue
            for price, size in entries:
                if size:
                    ladder[price] = size
                else:
                    ladder.pop(price, None)
            best = sorted(ladder.items(), reverse=highest)[: self._levels]
            if levels := list(_diff_levels(self._told[name], best)):
                found[name] = levels
            self._told[name] = best
        return found


def _diff_levels(before: list[tuple[float, float]], after: list[tuple[float, float]]) -> list[list[float]]:
    changed: list[list[float]] = [
        [level, *offer] for level, offer in enumerate(after) if level >= len(before) or before[level] != offer
    ]
    return changed + [[level, 0, 0] for level in range(len(after), len(before))]
