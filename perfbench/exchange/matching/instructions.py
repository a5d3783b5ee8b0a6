"""Instruction types of placeOrders as frozen values.

Names follow Betfair's Exchange API (Betting Type Definitions); other keys are refused.
"""

from __future__ import annotations

import msgspec


class RequestModel(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Base of all request types."""


class LimitOrder(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Order at a limit price or better."""

    price: float
    size: float | None = None
    persistence_type: str | None = None
    time_in_force: str | None = None
    min_fill_size: float | None = None
    bet_target_type: str | None = None
    bet_target_size: float | None = None


class LimitOnCloseOrder(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Order at the starting price, subject to a limit price."""

    liability: float
    price: float


class MarketOnCloseOrder(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Order at the starting price."""

    liability: float


class PlaceInstruction(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Instruction to place an order."""

    order_type: str
    selection_id: int
    side: str
    handicap: float | None = None
    limit_order: LimitOrder | None = None
    limit_on_close_order: LimitOnCloseOrder | None = None
    market_on_close_order: MarketOnCloseOrder | None = None
    customer_order_ref: str | None = None


class MarketVersion(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Market version that the client last saw."""

    version: int | None = None
