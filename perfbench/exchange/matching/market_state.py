"""A market as it stands: its definition, and the ladders of its runners."""

from __future__ import annotations

from typing import Any

from perfbench.exchange.market_cache import MarketCache, MarketChange
from perfbench.exchange.matching.order import RunnerKey, Side

OFFER_LADDERS = {"BACK": ("atb", "batb"), "LAY": ("atl", "batl")}
"""For each side the offers that it can take: those of the full ladder, and of a file that has only the best."""

OPPOSITE_SIDE: dict[Side, Side] = {"BACK": "LAY", "LAY": "BACK"}


class MarketState:
    """All that has been published of a market up to some moment."""

    def __init__(self, market: str) -> None:
        self.market = market
        self._merged = MarketCache(market, whole=True)

    def apply(self, change: MarketChange) -> None:
        """The next change."""
        self._merged.apply(change)

    @property
    def definition(self) -> dict[str, Any]:
        """The market definition of now; empty before the market has begun."""
        found: dict[str, Any] = self._merged.parts.get("marketDefinition", {})
        return found

    @property
    def open(self) -> bool:
        """Whether bets are taken."""
        return self.definition.get("status") == "OPEN"

    @property
    def traded(self) -> float:
        """Pounds that have been traded on the market: as the file says, else the sum of its runners."""
        runners = self.definition.get("runners", ())
        told = sum(self.runner(r["id"], r.get("hc", 0)).get("tv") or 0.0 for r in runners)
        return float(self._merged.parts.get("tv") or round(told, 2))

    def runner(self, runner: int, handicap: float = 0.0) -> dict[str, Any]:
        """What is known of a runner: ladders by price, or by level, and single values."""
        return self._merged.runner((runner, handicap))

    def defined(self, runner: int, handicap: float = 0.0) -> dict[str, Any] | None:
        """A runner as the market definition has it; None if there is no such one."""
        for found in self.definition.get("runners", ()):
            if found["id"] == runner and found.get("hc", 0) == handicap:
                runner_definition: dict[str, Any] = found
                return runner_definition
        return None

    def offers(self, place: RunnerKey, side: Side) -> list[tuple[float, float]]:
        """What an order of this side can take, price and pounds, the best first."""
        known = self.runner(place.runner, place.handicap)
        full, best = OFFER_LADDERS[side]
        if known.get(full):
            return sorted(((price, size) for price, size in known[full].values()), reverse=side == "BACK")
        return [(price, size) for _, (_, price, size) in sorted(known.get(best, {}).items()) if size]

    def wanted(self, place: RunnerKey, side: Side, price: float) -> float:
        """What orders of others on the same side want at a price."""
        return dict(self.offers(place, OPPOSITE_SIDE[side])).get(price, 0.0)
