"""Which orders are refused, and how the exchange calls the reason.

Codes: Betfair, Exchange API, Betting Enums (InstructionReportErrorCode, ExecutionReportErrorCode). Least stakes: Currency
Parameters, GBP.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from perfbench.exchange.matching.instructions import MarketVersion, PlaceInstruction
from perfbench.exchange.matching.market_state import MarketState
from perfbench.exchange.matching.matcher import REMOVED_STATUSES, Matcher
from perfbench.exchange.matching.price_ladder import is_on_ladder

MIN_BET_SIZE = 1.0
MIN_BET_PAYOUT = 10.0
"""A smaller stake is taken if it would pay so much."""

MIN_BSP_LIABILITY = {"BACK": 1.0, "LAY": 10.0}
"""Pounds, of an order at the starting price."""

ORDER_REF_PATTERN = re.compile(r"[A-Za-z0-9\-._+*:;~]{1,32}")
STRATEGY_REF_PATTERN = re.compile(r".{1,15}", re.DOTALL)
ORDER_DETAIL_FIELDS = {
    "LIMIT": "limit_order",
    "LIMIT_ON_CLOSE": "limit_on_close_order",
    "MARKET_ON_CLOSE": "market_on_close_order",
}
SUPPORTED_BETTING_TYPES = frozenset({"ODDS"})
UNSUPPORTED_MARKET_TYPES = frozenset({"EACH_WAY"})
"""Markets on which this exchange takes no bets: it would not know what they win."""


def find_market_error(matcher: Matcher | None, version: MarketVersion | None) -> str | None:
    """Why nothing can be placed on a market now; None if it can."""
    if matcher is None or not matcher.standing.definition:
        return "INVALID_MARKET_ID"
    definition = matcher.standing.definition
    if (
        definition.get("bettingType", "ODDS") not in SUPPORTED_BETTING_TYPES
        or definition.get("marketType") in UNSUPPORTED_MARKET_TYPES
    ):
        return "PERMISSION_DENIED"
    if definition.get("status") == "SUSPENDED":
        return "MARKET_SUSPENDED"
    if definition.get("status") != "OPEN":
        return "MARKET_NOT_OPEN_FOR_BETTING"
    seen = version.version if version else None
    return "INVALID_MARKET_VERSION" if seen is not None and definition.get("version", 0) > seen else None


def find_instruction_error(instruction: PlaceInstruction, standing: MarketState) -> str | None:
    """Why an order cannot be placed on an open market; None if it can."""
    return next(_iterate_instruction_errors(instruction, standing), None)


def _iterate_instruction_errors(instruction: PlaceInstruction, standing: MarketState) -> Iterator[str]:
    if instruction.side not in ("BACK", "LAY"):
        yield "INVALID_BID_TYPE"
    if (
        instruction.order_type not in ORDER_DETAIL_FIELDS
        or getattr(instruction, ORDER_DETAIL_FIELDS[instruction.order_type]) is None
    ):
        yield "INVALID_ORDER_TYPE"
        return
    runner = standing.defined(instruction.selection_id, instruction.handicap or 0.0)
    if runner is None:
        yield "INVALID_RUNNER"
    elif runner.get("status") in REMOVED_STATUSES:
        yield "RUNNER_REMOVED"
    if instruction.customer_order_ref is not None and not ORDER_REF_PATTERN.fullmatch(instruction.customer_order_ref):
        yield "INVALID_CUSTOMER_ORDER_REF"
    yield from (
        _iterate_limit_errors(instruction, standing)
        if instruction.order_type == "LIMIT"
        else _iterate_bsp_errors(instruction, standing)
    )


def _iterate_limit_errors(instruction: PlaceInstruction, standing: MarketState) -> Iterator[str]:
    wish, definition = instruction.limit_order, standing.definition
    assert wish is not None
    if not is_valid_price(wish.price, definition):
        yield "INVALID_ODDS"
    if not is_valid_stake(wish.size, wish.price):
        yield "INVALID_BET_SIZE"
    persistence = wish.persistence_type or "LAPSE"
    may_persist = definition.get("turnInPlayEnabled") or definition.get("inPlay")
    if (
        persistence not in ("LAPSE", "PERSIST", "MARKET_ON_CLOSE")
        or (persistence == "PERSIST" and not may_persist)
        or (persistence == "MARKET_ON_CLOSE" and not definition.get("bspMarket"))
    ):
        yield "INVALID_PERSISTENCE_TYPE"
    if wish.time_in_force not in (None, "FILL_OR_KILL"):
        yield "TIME_IN_FORCE_CONFLICT"
    least = wish.min_fill_size
    if least is not None and wish.time_in_force is None:
        yield "UNEXPECTED_MIN_FILL_SIZE"
    if least is not None and not 0 < least <= (wish.size or 0):
        yield "INVALID_MIN_FILL_SIZE"


def _iterate_bsp_errors(instruction: PlaceInstruction, standing: MarketState) -> Iterator[str]:
    definition = standing.definition
    if not definition.get("bspMarket") or definition.get("inPlay") or definition.get("bspReconciled"):
        yield "MARKET_NOT_OPEN_FOR_BSP_BETTING"
    limited = instruction.limit_on_close_order
    if instruction.order_type == "LIMIT_ON_CLOSE" and limited and not is_valid_price(limited.price, definition):
        yield "INVALID_ODDS"
    wish = limited if instruction.order_type == "LIMIT_ON_CLOSE" else instruction.market_on_close_order
    assert wish is not None
    if not _is_whole_pence(wish.liability) or wish.liability < MIN_BSP_LIABILITY.get(instruction.side, 0.0):
        yield "INVALID_BET_SIZE"


def is_valid_price(price: float, definition: dict[str, object]) -> bool:
    """Whether a price is on the ladder of a market."""
    ladder = definition.get("priceLadderDefinition")
    kind = ladder.get("type") if isinstance(ladder, dict) else None
    return math.isfinite(price) and is_on_ladder(price, str(kind or "CLASSIC"))


def is_valid_stake(size: float | None, price: float) -> bool:
    """Whether a stake is large enough, in whole pence."""
    if size is None or not _is_whole_pence(size) or size <= 0:
        return False
    return size >= MIN_BET_SIZE or size * price >= MIN_BET_PAYOUT


def _is_whole_pence(amount: float) -> bool:
    return math.isfinite(amount) and abs(amount * 100 - round(amount * 100)) < 1e-6
