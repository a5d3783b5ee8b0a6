"""What a client may ask of the betting API about orders, as frozen values.

Names are those of Betfair's Exchange API (Betting Type Definitions); what is not in it is ignored.
"""

from __future__ import annotations

import msgspec


class RequestModel(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A part of a request."""


class LimitOrder(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """At a price or a better one."""

    price: float
    size: float | None = None
    persistence_type: str | None = None
    time_in_force: str | None = None
    min_fill_size: float | None = None
    bet_target_type: str | None = None
    bet_target_size: float | None = None


class LimitOnCloseOrder(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """At the starting price, if it is not worse than a limit."""

    liability: float
    price: float


class MarketOnCloseOrder(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """At the starting price."""

    liability: float


class PlaceInstruction(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """One order to place."""

    order_type: str
    selection_id: int
    side: str
    handicap: float | None = None
    limit_order: LimitOrder | None = None
    limit_on_close_order: LimitOnCloseOrder | None = None
    market_on_close_order: MarketOnCloseOrder | None = None
    customer_order_ref: str | None = None


class MarketVersion(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """The version of the market that the client has seen."""

    version: int | None = None
