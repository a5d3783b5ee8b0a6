"""Reduction of market changes to subscribed fields, with best offers derived from the full ladders.

Names follow Betfair's Exchange Stream API. Best offers are levels ``[level, price, size]``; level 0 is the best, and
a level of size 0 is empty. Sizes below £1 are rolled up to the next worse price, as the exchange does for best offers
and not for the full ladders. Files recorded with best offers keep their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from perfbench.worker.market_cache import LEVEL_LADDERS, RUNNER_ID_KEYS, MarketChange

BEST_OFFER_SOURCES = {"batb": ("atb", True), "batl": ("atl", False)}
"""Best-offer ladders, the full ladder each is derived from, and whether higher prices are better."""

ROLL_UP_LIMIT = 1.0
"""Smallest size of a best offer in pounds (Betfair, Exchange Stream API, EX_BEST_OFFERS; currency parameters of GBP)."""


@dataclass(frozen=True, slots=True)
class MarketFields:
    """Subscribed JSON keys and number of levels of best offers."""

    keys: frozenset[str]
    levels: int

    @property
    def derived_keys(self) -> tuple[str, ...]:
        """Subscribed best-offer ladders that are derived from full ladders."""
        return tuple(name for name in BEST_OFFER_SOURCES if name in self.keys)


class ChangeReducer:
    """Reduces the changes of all markets, in order, to a set of fields."""

    def __init__(self, fields: MarketFields) -> None:
        self._fields = fields
        self._best_offers: dict[tuple[str, int, float], _BestOffers] = {}

    def reduce(self, change: MarketChange) -> MarketChange | None:
        """Reduce a change to these fields; None if nothing is left of it."""
        market_id = change["id"]
        if change.get("img"):
            self._forget(market_id)
        fields: MarketChange = {
            key: change[key] for key in ("marketDefinition", "tv") if key in change and key in self._fields.keys
        }
        runners = [reduced for runner in change.get("rc") or () if (reduced := self._reduce_runner(market_id, runner))]
        if runners:
            fields["rc"] = runners
        if not fields and not change.get("img"):
            return None
        flags = {key: True for key in ("img", "con") if change.get(key)}
        return {"id": market_id, **flags, **fields}

    def _reduce_runner(self, market_id: str, runner: MarketChange) -> MarketChange | None:
        runner_ids = {key: runner[key] for key in RUNNER_ID_KEYS if key in runner}
        fields = {key: self._limit_levels(key, value) for key, value in runner.items() if key in self._fields.keys}
        fields = {key: value for key, value in fields.items() if value or key not in LEVEL_LADDERS}
        if self._fields.derived_keys:
            runner_key = market_id, runner["id"], runner.get("hc", 0)
            best_offers = self._best_offers.setdefault(runner_key, _BestOffers(self._fields))
            fields.update(best_offers.update(runner))
        return {**runner_ids, **fields} if fields else None

    def _limit_levels(self, key: str, value: Any) -> Any:
        return [entry for entry in value if entry[0] < self._fields.levels] if key in LEVEL_LADDERS and value else value

    def _forget(self, market_id: str) -> None:
        for runner_key in [runner_key for runner_key in self._best_offers if runner_key[0] == market_id]:
            del self._best_offers[runner_key]


class _BestOffers:
    """Full ladders of one runner, and the best offers last sent."""

    def __init__(self, fields: MarketFields) -> None:
        self._levels = fields.levels
        self._ladders: dict[str, dict[float, float]] = {name: {} for name in fields.derived_keys}
        self._last_sent: dict[str, list[tuple[float, float]]] = {name: [] for name in fields.derived_keys}

    def update(self, runner: MarketChange) -> dict[str, list[list[float]]]:
        """Return the levels changed by a change of the full ladders."""
        changes = {}
        for name, ladder in self._ladders.items():
            source, highest_first = BEST_OFFER_SOURCES[name]
            entries = runner.get(source)
            if not entries:
                continue
            for price, size in entries:
                if size:
                    ladder[price] = size
                else:
                    ladder.pop(price, None)
            best = roll_up(sorted(ladder.items(), reverse=highest_first), self._levels)
            if levels := list(_diff_levels(self._last_sent[name], best)):
                changes[name] = levels
            self._last_sent[name] = best
        return changes


def roll_up(
    offers: Iterable[tuple[float, float]], levels: int, limit: float = ROLL_UP_LIMIT
) -> list[tuple[float, float]]:
    """Return the best levels of offers (price, size), which are sorted best first, with small sizes rolled up.

    Sizes are added from the best price on until they reach the limit in pounds; their level has the price of the last of
    them. What does not reach the limit by the end of the ladder is left out.
    """
    rolled: list[tuple[float, float]] = []
    total = 0.0
    for price, size in offers:
        total = round(total + size, 2) if total else size
        if total >= limit:
            rolled.append((price, total))
            total = 0.0
            if len(rolled) == levels:
                break
    return rolled


def _diff_levels(before: list[tuple[float, float]], after: list[tuple[float, float]]) -> list[list[float]]:
    update: list[list[float]] = [
        [level, *offer] for level, offer in enumerate(after) if level >= len(before) or before[level] != offer
    ]
    return update + [[level, 0, 0] for level in range(len(after), len(before))]
