"""Validation of orders, with Betfair's error codes.

Codes: Betfair, Exchange API, Betting Enums (InstructionReportErrorCode, ExecutionReportErrorCode). Minimum stakes:
Currency Parameters, GBP.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from perfbench.exchange.matching.instructions import MarketVersion, PlaceInstruction
from perfbench.exchange.matching.market_state import MarketState
from perfbench.exchange.matching.matcher import REMOVED_STATUSES, Matcher
from perfbench.exchange.matching.price_ladder import is_on_ladder

MIN_BET_SIZE = 1.0
MIN_BET_PAYOUT = 10.0
"""Payout from which a smaller stake is accepted too."""

MIN_BSP_LIABILITY = {"BACK": 1.0, "LAY": 10.0}
"""Minimum liability of an order at the starting price, in pounds."""

MAX_MARKET_VERSION = 10**12 - 1
"""Largest market version: it has at most 12 digits (Betfair, ExecutionReportErrorCode, INVALID_MARKET_VERSION)."""

ORDER_REF_PATTERN = re.compile(r"[A-Za-z0-9\-._+*:;~]{1,32}")
STRATEGY_REF_PATTERN = re.compile(r".{1,15}", re.DOTALL)
ORDER_DETAIL_FIELDS = {
    "LIMIT": "limit_order",
    "LIMIT_ON_CLOSE": "limit_on_close_order",
    "MARKET_ON_CLOSE": "market_on_close_order",
}
PRICED_ORDER_FIELDS = {name: field for name, field in ORDER_DETAIL_FIELDS.items() if name != "MARKET_ON_CLOSE"}
SUPPORTED_BETTING_TYPES = frozenset({"ODDS"})
UNSUPPORTED_MARKET_TYPES = frozenset({"EACH_WAY"})
"""Market types that do not accept bets here: their settlement is not implemented."""


def find_market_error(matcher: Matcher | None, version: MarketVersion | None) -> str | None:
    """Return the error code of a market that does not accept orders; None if it does."""
    if matcher is None or not matcher.state.definition:
        return "INVALID_MARKET_ID"
    definition = matcher.state.definition
    if (
        definition.get("bettingType", "ODDS") not in SUPPORTED_BETTING_TYPES
        or definition.get("marketType") in UNSUPPORTED_MARKET_TYPES
    ):
        return "PERMISSION_DENIED"
    if definition.get("status") == "SUSPENDED":
        return "MARKET_SUSPENDED"
    if definition.get("status") != "OPEN":
        return "MARKET_NOT_OPEN_FOR_BETTING"
    seen_version = version.version if version else None
    if seen_version is not None and not 0 <= seen_version <= MAX_MARKET_VERSION:
        return "INVALID_MARKET_VERSION"
    return None


def find_instruction_errors(instructions: Sequence[PlaceInstruction], state: MarketState) -> list[str | None]:
    """Return the error code of each instruction of a request; None for a valid one."""
    codes = [next(_iterate_instruction_errors(instruction, state), None) for instruction in instructions]
    if any(codes):
        return codes
    overlapping = _find_overlapping(instructions)
    return ["INVALID_BACK_LAY_COMBINATION" if number in overlapping else None for number in range(len(codes))]


def _find_overlapping(instructions: Sequence[PlaceInstruction]) -> set[int]:
    """Return the numbers of the instructions that would be matched with one another."""
    priced: list[tuple[int, tuple[int, float, str], str, float]] = []
    for number, i in enumerate(instructions):
        detail = getattr(i, PRICED_ORDER_FIELDS.get(i.order_type, ""), None)
        if detail is not None:
            priced.append((number, (i.selection_id, i.handicap or 0.0, i.order_type), i.side, detail.price))
    return {
        number
        for number, key, side, price in priced
        for _, other_key, other_side, other_price in priced
        if key == other_key
        and side != other_side
        and (price <= other_price if side == "BACK" else other_price <= price)
    }


def _iterate_instruction_errors(instruction: PlaceInstruction, state: MarketState) -> Iterator[str]:
    if instruction.side not in ("BACK", "LAY"):
        yield "INVALID_BID_TYPE"
    if (
        instruction.order_type not in ORDER_DETAIL_FIELDS
        or getattr(instruction, ORDER_DETAIL_FIELDS[instruction.order_type]) is None
    ):
        yield "INVALID_ORDER_TYPE"
        return
    runner = state.find_runner_definition(instruction.selection_id, instruction.handicap or 0.0)
    if runner is None:
        yield "INVALID_RUNNER"
    elif runner.get("status") in REMOVED_STATUSES:
        yield "RUNNER_REMOVED"
    if instruction.customer_order_ref is not None and not ORDER_REF_PATTERN.fullmatch(instruction.customer_order_ref):
        yield "INVALID_CUSTOMER_ORDER_REF"
    yield from (
        _iterate_limit_errors(instruction, state)
        if instruction.order_type == "LIMIT"
        else _iterate_bsp_errors(instruction, state)
    )


def _iterate_limit_errors(instruction: PlaceInstruction, state: MarketState) -> Iterator[str]:
    order, definition = instruction.limit_order, state.definition
    assert order is not None
    if not is_valid_price(order.price, definition):
        yield "INVALID_ODDS"
    if not is_valid_stake(order.size, order.price):
        yield "INVALID_BET_SIZE"
    persistence = order.persistence_type or "LAPSE"
    passive = "PASSIVE" in (definition.get("betDelayModels") or ())
    may_persist = (definition.get("turnInPlayEnabled") or definition.get("inPlay")) and not passive
    if (
        persistence not in ("LAPSE", "PERSIST", "MARKET_ON_CLOSE")
        or (persistence == "PERSIST" and not may_persist)
        or (persistence == "MARKET_ON_CLOSE" and not definition.get("bspMarket"))
    ):
        yield "INVALID_PERSISTENCE_TYPE"
    if order.time_in_force is not None and order.persistence_type not in (None, "LAPSE"):
        yield "UNEXPECTED_PERSISTENCE_TYPE"
    min_fill_size = order.min_fill_size
    if min_fill_size is not None and order.time_in_force is None:
        yield "UNEXPECTED_MIN_FILL_SIZE"
    if min_fill_size is not None and not MIN_BET_SIZE <= min_fill_size <= (order.size or 0):
        yield "INVALID_MIN_FILL_SIZE"


def _iterate_bsp_errors(instruction: PlaceInstruction, state: MarketState) -> Iterator[str]:
    definition = state.definition
    if not definition.get("bspMarket") or definition.get("inPlay") or definition.get("bspReconciled"):
        yield "MARKET_NOT_OPEN_FOR_BSP_BETTING"
    limit_on_close = instruction.limit_on_close_order
    if (
        instruction.order_type == "LIMIT_ON_CLOSE"
        and limit_on_close
        and not is_valid_price(limit_on_close.price, definition)
    ):
        yield "INVALID_ODDS"
    order = limit_on_close if instruction.order_type == "LIMIT_ON_CLOSE" else instruction.market_on_close_order
    assert order is not None
    if not _is_whole_pence(order.liability) or order.liability < MIN_BSP_LIABILITY.get(instruction.side, 0.0):
        yield "INVALID_BET_SIZE"


def is_valid_price(price: float, definition: dict[str, object]) -> bool:
    """Return whether a price is on the ladder of a market."""
    ladder = definition.get("priceLadderDefinition")
    ladder_type = ladder.get("type") if isinstance(ladder, dict) else None
    return math.isfinite(price) and is_on_ladder(price, str(ladder_type or "CLASSIC"))


def is_valid_stake(size: float | None, price: float) -> bool:
    """Return whether a stake is large enough and in whole pence."""
    if size is None or not _is_whole_pence(size) or size <= 0:
        return False
    return size >= MIN_BET_SIZE or size * price >= MIN_BET_PAYOUT


def _is_whole_pence(amount: float) -> bool:
    return math.isfinite(amount) and abs(amount * 100 - round(amount * 100)) < 1e-6
