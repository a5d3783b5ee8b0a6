"""Current state of a market: its definition and the ladders of its runners."""

from __future__ import annotations

from typing import Any

from perfbench.exchange.matching.order import RunnerKey, Side
from perfbench.worker.market_cache import MarketCache, MarketChange

OFFER_LADDERS = {"BACK": ("atb", "batb"), "LAY": ("atl", "batl")}
"""Ladders that a side matches against: the full ladder, else the best-offer ladder."""

OPPOSITE_SIDE: dict[Side, Side] = {"BACK": "LAY", "LAY": "BACK"}


class MarketState:
    """State of one market after all updates so far."""

    def __init__(self, market_id: str) -> None:
        self.market_id = market_id
        self._cache = MarketCache(market_id, is_image=True)

    def apply_change(self, change: MarketChange) -> None:
        """Apply the next change."""
        self._cache.apply_change(change)

    @property
    def definition(self) -> dict[str, Any]:
        """Current market definition; empty before the first one."""
        definition: dict[str, Any] = self._cache.market_values.get("marketDefinition", {})
        return definition

    @property
    def is_open(self) -> bool:
        """Whether the market accepts bets."""
        return self.definition.get("status") == "OPEN"

    @property
    def total_matched(self) -> float:
        """Total matched on the market in pounds: the file's value, else the sum over its runners."""
        runners = self.definition.get("runners", ())
        by_runner = sum(self.get_runner_prices(r["id"], r.get("hc", 0)).get("tv") or 0.0 for r in runners)
        return float(self._cache.market_values.get("tv") or round(by_runner, 2))

    @property
    def total_available(self) -> float:
        """Total available to back and lay on the market in pounds."""
        total = 0.0
        for runner in self.definition.get("runners", ()):
            runner_key = RunnerKey(self.market_id, runner["id"], runner.get("hc", 0.0))
            total += sum(size for side in OPPOSITE_SIDE for _, size in self.list_offers(runner_key, side))
        return round(total, 2)

    def get_runner_prices(self, selection_id: int, handicap: float = 0.0) -> dict[str, Any]:
        """Return the price data of a runner: ladders by price or level, and single values."""
        return self._cache.get_runner((selection_id, handicap))

    def find_runner_definition(self, selection_id: int, handicap: float = 0.0) -> dict[str, Any] | None:
        """Return a runner's entry of the market definition; None for an unknown runner."""
        for definition in self.definition.get("runners", ()):
            if definition["id"] == selection_id and definition.get("hc", 0) == handicap:
                runner_definition: dict[str, Any] = definition
                return runner_definition
        return None

    def list_offers(self, runner: RunnerKey, side: Side) -> list[tuple[float, float]]:
        """Return the offers (price, size) available to an order of this side, best first."""
        prices = self.get_runner_prices(runner.selection_id, runner.handicap)
        full, best = OFFER_LADDERS[side]
        if prices.get(full):
            return sorted(((price, size) for price, size in prices[full].values()), reverse=side == "BACK")
        return [(price, size) for _, (_, price, size) in sorted(prices.get(best, {}).items()) if size]

    def size_ahead(self, runner: RunnerKey, side: Side, price: float) -> float:
        """Return the size that other orders of the same side have queued at a price."""
        return dict(self.list_offers(runner, OPPOSITE_SIDE[side])).get(price, 0.0)
