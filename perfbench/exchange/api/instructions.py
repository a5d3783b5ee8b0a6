"""Request types of the order operations.

Names follow Betfair's Exchange API (Betting Type Definitions); other keys are refused.
"""

from __future__ import annotations

import msgspec

from perfbench.exchange.matching.instructions import MarketVersion, PlaceInstruction, RequestModel


class PlaceOrders(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Parameters of placeOrders: all instructions are placed, or none."""

    market_id: str
    instructions: tuple[PlaceInstruction, ...]
    customer_ref: str | None = None
    market_version: MarketVersion | None = None
    customer_strategy_ref: str | None = None
    async_: bool | None = msgspec.field(default=None, name="async")


class CancelInstruction(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Instruction to cancel part of an order, or all that remains of it."""

    bet_id: str
    size_reduction: float | None = None


class CancelOrders(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Parameters of cancelOrders; without instructions the whole market, without a market all orders."""

    market_id: str | None = None
    instructions: tuple[CancelInstruction, ...] | None = None
    customer_ref: str | None = None


class ReplaceInstruction(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Instruction to cancel the remainder of an order and place it at another price."""

    bet_id: str
    new_price: float


class ReplaceOrders(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Parameters of replaceOrders."""

    market_id: str
    instructions: tuple[ReplaceInstruction, ...]
    customer_ref: str | None = None
    market_version: MarketVersion | None = None
    async_: bool | None = msgspec.field(default=None, name="async")


class UpdateInstruction(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Instruction to change the persistence type of an order."""

    bet_id: str
    new_persistence_type: str


class UpdateOrders(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Parameters of updateOrders."""

    market_id: str
    instructions: tuple[UpdateInstruction, ...]
    customer_ref: str | None = None


MAX_INSTRUCTIONS = {"place": 200, "cancel": 60, "replace": 60, "update": 60}
"""Maximum number of instructions per request (Betfair, placeOrders, cancelOrders, replaceOrders, updateOrders)."""
