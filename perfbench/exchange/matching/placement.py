"""Accepted orders between their validation and their matching, which in-play are a bet delay apart.

An order is validated and its exposure reserved when it is accepted. If the market no longer takes it when it comes to be
matched, it lapses with the reason that the order stream reports (Betfair, Exchange Stream API, lsrc).
"""

from __future__ import annotations

from dataclasses import dataclass

from perfbench.exchange.matching.instructions import MarketVersion, PlaceInstruction
from perfbench.exchange.matching.matcher import REMOVED_STATUSES, Matcher
from perfbench.exchange.matching.order import Order, OrderType, PersistenceType, RunnerKey, Side, round_to_pence

PASSIVE_MODEL = "PASSIVE"
"""Bet delay model under which orders that cannot match immediately are not delayed (Betfair, BetDelayModel)."""


@dataclass(frozen=True, slots=True)
class AcceptedOrder:
    """Order that waits to be matched. ``min_fill_size``: pounds to match immediately (None: no fill or kill)."""

    order: Order
    min_fill_size: float | None


@dataclass(frozen=True, slots=True)
class AcceptedOrders:
    """Accepted orders of one request and the market version that they are for (None: any)."""

    market_id: str
    orders: tuple[AcceptedOrder, ...]
    version: int | None


def accept_order(
    instruction: PlaceInstruction, bet_id: str, account: str, market_id: str, customer_strategy_ref: str, now: int
) -> AcceptedOrder:
    """Return the order of a valid instruction."""
    limit, limit_on_close = instruction.limit_order, instruction.limit_on_close_order
    order_type: OrderType = instruction.order_type  # type: ignore[assignment]
    side: Side = instruction.side  # type: ignore[assignment]
    persistence_type: PersistenceType = "MARKET_ON_CLOSE"
    price = size = liability = 0.0
    if order_type == "LIMIT" and limit is not None:
        persistence_type = limit.persistence_type or "LAPSE"  # type: ignore[assignment]
        price, size = limit.price, round_to_pence(limit.size or 0.0)
    elif order_type == "LIMIT_ON_CLOSE" and limit_on_close is not None:
        price, liability = limit_on_close.price, limit_on_close.liability
    elif instruction.market_on_close_order is not None:
        liability = instruction.market_on_close_order.liability
    order = Order(
        bet_id,
        account,
        RunnerKey(market_id, instruction.selection_id, instruction.handicap or 0.0),
        side,
        order_type,
        price,
        size,
        liability,
        persistence_type,
        now,
        instruction.customer_order_ref or "",
        customer_strategy_ref,
    )
    return AcceptedOrder(order, _resolve_min_fill(instruction))


def _resolve_min_fill(instruction: PlaceInstruction) -> float | None:
    """Return the size that must be matched immediately; None without fill or kill."""
    limit = instruction.limit_order
    if instruction.order_type != "LIMIT" or limit is None or limit.time_in_force is None:
        return None
    return limit.size if limit.min_fill_size is None else limit.min_fill_size


def get_version(version: MarketVersion | None) -> int | None:
    """Return the market version of a request; None for any."""
    return version.version if version else None


def find_lapse_reason(order: Order, matcher: Matcher, version: int | None) -> str | None:
    """Return why an accepted order lapses instead of being matched; None if it is matched."""
    definition = matcher.state.definition
    status = definition.get("status")
    if version is not None and definition.get("version", 0) > version:
        return "MKT_VERSION"
    if status == "SUSPENDED":
        return "MKT_SUSPENDED"
    if status != "OPEN":
        return "MKT_UNKNOWN" if matcher.closed else "MKT_INVALID"
    runner = matcher.state.find_runner_definition(order.runner.selection_id, order.runner.handicap)
    if runner is None or runner.get("status") in REMOVED_STATUSES:
        return "RNR_UNKNOWN"
    if order.order_type != "LIMIT" and (definition.get("inPlay") or definition.get("bspReconciled")):
        return "SP_IN_PLAY"
    return None


def is_delayed(accepted: AcceptedOrders, matcher: Matcher) -> bool:
    """Return whether the bet delay applies to a request: to all its orders, unless none of them can match immediately
    on a market with the passive model.
    """
    return PASSIVE_MODEL not in (matcher.state.definition.get("betDelayModels") or ()) or not all(
        entry.min_fill_size is None
        and entry.order.order_type == "LIMIT"
        and entry.order.persistence_type == "LAPSE"
        and not matcher.is_marketable(entry.order.runner, entry.order.side, entry.order.price)
        for entry in accepted.orders
    )
