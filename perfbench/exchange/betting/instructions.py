"""What a client may ask of the betting API about orders, as frozen values.

Names are those of Betfair's Exchange API (Betting Type Definitions); what is not in it is ignored.
"""

from __future__ import annotations

import msgspec


class Wish(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A part of a request."""


class LimitOrder(Wish, frozen=True, kw_only=True, rename="camel"):
    """At a price or a better one."""

    price: float
    size: float | None = None
    persistence_type: str | None = None
    time_in_force: str | None = None
    min_fill_size: float | None = None
    bet_target_type: str | None = None
    bet_target_size: float | None = None


class LimitOnCloseOrder(Wish, frozen=True, kw_only=True, rename="camel"):
    """At the starting price, if it is not worse than a limit."""

    liability: float
    price: float


class MarketOnCloseOrder(Wish, frozen=True, kw_only=True, rename="camel"):
    """At the starting price."""

    liability: float


class PlaceInstruction(Wish, frozen=True, kw_only=True, rename="camel"):
    """One order to place."""

    order_type: str
    selection_id: int
    side: str
    handicap: float | None = None
    limit_order: LimitOrder | None = None
    limit_on_close_order: LimitOnCloseOrder | None = None
    market_on_close_order: MarketOnCloseOrder | None = None
    customer_order_ref: str | None = None


class MarketVersion(Wish, frozen=True, kw_only=True, rename="camel"):
    """The version of the market that the client has seen."""

    version: int | None = None


class PlaceOrders(Wish, frozen=True, kw_only=True, rename="camel"):
    """Place orders on a market: all of them, or none."""

    market_id: str
    instructions: tuple[PlaceInstruction, ...]
    customer_ref: str | None = None
    market_version: MarketVersion | None = None
    customer_strategy_ref: str | None = None
    async_: bool | None = msgspec.field(default=None, name="async")


class CancelInstruction(Wish, frozen=True, kw_only=True, rename="camel"):
    """Cancel so much of an order; without a size all that is left."""

    bet_id: str
    size_reduction: float | None = None


class CancelOrders(Wish, frozen=True, kw_only=True, rename="camel"):
    """Cancel orders of a market; without instructions all of it, without a market all orders."""

    market_id: str | None = None
    instructions: tuple[CancelInstruction, ...] | None = None
    customer_ref: str | None = None


class ReplaceInstruction(Wish, frozen=True, kw_only=True, rename="camel"):
    """Cancel what is left of an order, and place as much at another price."""

    bet_id: str
    new_price: float


class ReplaceOrders(Wish, frozen=True, kw_only=True, rename="camel"):
    """Replace orders of a market."""

    market_id: str
    instructions: tuple[ReplaceInstruction, ...]
    customer_ref: str | None = None
    market_version: MarketVersion | None = None
    async_: bool | None = msgspec.field(default=None, name="async")


class UpdateInstruction(Wish, frozen=True, kw_only=True, rename="camel"):
    """Let an order do something else when the market turns in-play."""

    bet_id: str
    new_persistence_type: str


class UpdateOrders(Wish, frozen=True, kw_only=True, rename="camel"):
    """Change the persistence of orders."""

    market_id: str
    instructions: tuple[UpdateInstruction, ...]
    customer_ref: str | None = None


MOST = {"place": 200, "cancel": 60, "replace": 60, "update": 60}
"""Instructions of one request (Betfair, placeOrders, cancelOrders, replaceOrders, updateOrders)."""
