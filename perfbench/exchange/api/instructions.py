"""What a client may ask of the betting API about orders, as frozen values.

Names are those of Betfair's Exchange API (Betting Type Definitions); what is not in it is ignored.
"""

from __future__ import annotations

import msgspec

from perfbench.exchange.matching.instructions import MarketVersion, PlaceInstruction, RequestModel


class PlaceOrders(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """Place orders on a market: all of them, or none."""

    market_id: str
    instructions: tuple[PlaceInstruction, ...]
    customer_ref: str | None = None
    market_version: MarketVersion | None = None
    customer_strategy_ref: str | None = None
    async_: bool | None = msgspec.field(default=None, name="async")


class CancelInstruction(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """Cancel so much of an order; without a size all that is left."""

    bet_id: str
    size_reduction: float | None = None


class CancelOrders(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """Cancel orders of a market; without instructions all of it, without a market all orders."""

    market_id: str | None = None
    instructions: tuple[CancelInstruction, ...] | None = None
    customer_ref: str | None = None


class ReplaceInstruction(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """Cancel what is left of an order, and place as much at another price."""

    bet_id: str
    new_price: float


class ReplaceOrders(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """Replace orders of a market."""

    market_id: str
    instructions: tuple[ReplaceInstruction, ...]
    customer_ref: str | None = None
    market_version: MarketVersion | None = None
    async_: bool | None = msgspec.field(default=None, name="async")


class UpdateInstruction(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """Let an order do something else when the market turns in-play."""

    bet_id: str
    new_persistence_type: str


class UpdateOrders(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """Change the persistence of orders."""

    market_id: str
    instructions: tuple[UpdateInstruction, ...]
    customer_ref: str | None = None


MAX_INSTRUCTIONS = {"place": 200, "cancel": 60, "replace": 60, "update": 60}
"""Instructions of one request (Betfair, placeOrders, cancelOrders, replaceOrders, updateOrders)."""
