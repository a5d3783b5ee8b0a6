"""Order manager for all markets and accounts, with a journal of order changes."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from perfbench.exchange.account.wallet import AccountFunds, Wallet
from perfbench.exchange.matching.exposure import compute_exposure
from perfbench.exchange.matching.instructions import MarketVersion, PlaceInstruction
from perfbench.exchange.matching.matcher import Matcher
from perfbench.exchange.matching.order import Order, OrderType, PersistenceType, RunnerKey, round_to_pence
from perfbench.exchange.matching.settlement import compute_commission, compute_profit
from perfbench.exchange.matching.validation import find_instruction_error, find_market_error
from perfbench.exchange.replay.timeline import Timeline
from perfbench.exchange.wall_clock import read_epoch_ms

CUSTOMER_REF_SECONDS = 60.0
"""Seconds during which a customer reference is rejected as a duplicate (Betfair, placeOrders, customerRef)."""

FIRST_BET_ID = 300_000_000_001


@dataclass(frozen=True, slots=True)
class MarketClosed:
    """Journal entry for a closed market."""

    market_id: str


@dataclass(frozen=True, slots=True)
class InstructionOutcome:
    """Result of one instruction: an order, or an error code; ``size_cancelled`` is the size that was cancelled."""

    order: Order | None = None
    error_code: str | None = None
    size_cancelled: float = 0.0


class OrderManager:
    """Orders of all accounts. Not thread-safe, except for the append-only ``journal`` and ``add_listener``."""

    def __init__(self, timeline: Timeline, opening_balance: float) -> None:
        self._timeline = timeline
        self._wallet = Wallet(opening_balance)
        self._position = 0
        self._customer_refs: dict[tuple[str, str], float] = {}
        self._bet_ids = itertools.count(FIRST_BET_ID)
        self._listeners: list[Callable[[], None]] = []
        self.matchers: dict[str, Matcher] = {}
        self.journal: list[Order | MarketClosed] = []

    # Markets ----------------------------------------------------------------------------------------------------------------

    def advance(self, position: int) -> None:
        """Replay all markets up to a position of the timeline, update by update."""
        journal_length = len(self.journal)
        while self._position < position:
            update = self._timeline.updates[self._position]
            for change in json.loads(update.line)["mc"]:
                self._apply(change)
            self._position += 1
        self._notify_listeners(journal_length)

    def _apply(self, change: dict[str, Any]) -> None:
        matcher = self.matchers.setdefault(change["id"], Matcher(change["id"]))
        was_closed = matcher.closed
        self.journal += matcher.apply_change(change, read_epoch_ms())
        if matcher.closed and not was_closed:
            self._settle(matcher)
            self.journal.append(MarketClosed(change["id"]))

    def _settle(self, matcher: Matcher) -> None:
        definition = matcher.state.definition
        for account in {order.account for order in matcher.orders.values()}:
            net_profit = sum(compute_profit(o, definition) for o in matcher.orders.values() if o.account == account)
            self._wallet.settle(account, net_profit, compute_commission(net_profit, definition))

    @property
    def has_open_orders(self) -> bool:
        """Whether any order can still be matched."""
        return any(matcher.open_orders for matcher in self.matchers.values())

    # Listeners --------------------------------------------------------------------------------------------------------------

    def add_listener(self, listener: Callable[[], None]) -> None:
        """Register a function to call, from any thread, when the journal grows."""
        self._listeners.append(listener)

    def remove_listener(self, listener: Callable[[], None]) -> None:
        """Remove a listener."""
        self._listeners.remove(listener)

    def _notify_listeners(self, journal_length: int) -> None:
        if len(self.journal) > journal_length:
            for listener in list(self._listeners):
                listener()

    def _record(self, order: Order) -> Order:
        self.journal.append(order)
        return order

    # Accounts -------------------------------------------------------------------------------------------------------------

    def get_funds(self, account: str) -> AccountFunds:
        """Return the funds of an account."""
        exposures = (self._compute_exposure(account, matcher) for matcher in self.matchers.values())
        return self._wallet.get_funds(account, round_to_pence(sum(exposures)))

    @staticmethod
    def _compute_exposure(account: str, matcher: Matcher, new_orders: Iterable[Order] = ()) -> float:
        if matcher.closed:
            return 0.0
        own = [order for order in matcher.orders.values() if order.account == account]
        return compute_exposure([*own, *new_orders], int(matcher.state.definition.get("numberOfWinners") or 1))

    def list_orders(self, account: str) -> list[Order]:
        """Return all orders of an account, oldest first."""
        orders = [o for matcher in self.matchers.values() for o in matcher.orders.values() if o.account == account]
        return sorted(orders, key=lambda order: order.bet_id)

    def register_customer_ref(self, account: str, reference: str) -> bool:
        """Register a customer reference; False if it is a duplicate."""
        moment = time.monotonic()
        for key in [key for key, at in self._customer_refs.items() if moment - at > CUSTOMER_REF_SECONDS]:
            del self._customer_refs[key]
        return self._customer_refs.setdefault((account, reference), moment) == moment

    # Orders ---------------------------------------------------------------------------------------------------------------

    def place_orders(
        self,
        account: str,
        market_id: str,
        instructions: Sequence[PlaceInstruction],
        version: MarketVersion | None = None,
        customer_strategy_ref: str = "",
    ) -> tuple[str | None, list[InstructionOutcome]]:
        """Place all orders or none; return the request's error code, if any, and the outcome of each instruction."""
        matcher = self.matchers.get(market_id)
        error_code = find_market_error(matcher, version)
        if error_code or matcher is None:
            return error_code, [InstructionOutcome(error_code="ERROR_IN_ORDER") for _ in instructions]
        codes = [find_instruction_error(instruction, matcher.state) for instruction in instructions]
        if any(codes):
            return "BET_ACTION_ERROR", [InstructionOutcome(error_code=code or "ERROR_IN_ORDER") for code in codes]
        orders = [
            self._create_order(account, market_id, instruction, customer_strategy_ref) for instruction in instructions
        ]
        additional_exposure = self._compute_exposure(account, matcher, orders) - self._compute_exposure(
            account, matcher
        )
        if additional_exposure > self.get_funds(account).available:
            return "INSUFFICIENT_FUNDS", [InstructionOutcome(error_code="INSUFFICIENT_FUNDS") for _ in instructions]
        journal_length = len(self.journal)
        placed = [
            InstructionOutcome(
                self._record(matcher.place_order(order, read_epoch_ms(), _resolve_min_fill(instruction)))
            )
            for order, instruction in zip(orders, instructions, strict=True)
        ]
        self._notify_listeners(journal_length)
        return None, placed

    def _create_order(
        self, account: str, market_id: str, instruction: PlaceInstruction, customer_strategy_ref: str
    ) -> Order:
        limit, limit_on_close = instruction.limit_order, instruction.limit_on_close_order
        on_close_order = limit_on_close or instruction.market_on_close_order
        order_type: OrderType = instruction.order_type  # type: ignore[assignment]
        persistence_type: PersistenceType = limit.persistence_type or "LAPSE" if limit else "MARKET_ON_CLOSE"  # type: ignore[assignment]
        is_limit = order_type == "LIMIT" and limit is not None
        return Order(
            str(next(self._bet_ids)),
            account,
            RunnerKey(market_id, instruction.selection_id, instruction.handicap or 0.0),
            instruction.side,  # type: ignore[arg-type]
            order_type,
            limit.price
            if limit and is_limit
            else limit_on_close.price
            if limit_on_close and order_type == "LIMIT_ON_CLOSE"
            else 0.0,
            round_to_pence(limit.size or 0.0) if limit and is_limit else 0.0,
            0.0 if is_limit or on_close_order is None else on_close_order.liability,
            persistence_type,
            read_epoch_ms(),
            instruction.customer_order_ref or "",
            customer_strategy_ref,
        )

    def _find_open_order(
        self, account: str, market_id: str | None, bet_id: str
    ) -> tuple[Matcher, Order] | InstructionOutcome:
        """Return an account's order that can still be changed, else an outcome with the error code."""
        for name, matcher in self.matchers.items():
            order = matcher.orders.get(bet_id)
            if order is None or order.account != account or market_id not in (None, name):
                continue
            if matcher.closed or not order.executable or order.order_type != "LIMIT" or order.on_close:
                return InstructionOutcome(error_code="BET_TAKEN_OR_LAPSED")
            return matcher, order
        return InstructionOutcome(error_code="INVALID_BET_ID")

    def cancel_order(
        self, account: str, market_id: str | None, bet_id: str, size_reduction: float | None = None
    ) -> InstructionOutcome:
        """Cancel an order, or part of it."""
        match = self._find_open_order(account, market_id, bet_id)
        if isinstance(match, InstructionOutcome):
            return match
        matcher, order = match
        if not matcher.state.is_open:
            return InstructionOutcome(error_code="MARKET_NOT_OPEN_FOR_BETTING")
        if size_reduction is not None and size_reduction <= 0:
            return InstructionOutcome(error_code="INVALID_BET_SIZE")
        size = round_to_pence(
            min(order.size_remaining, order.size_remaining if size_reduction is None else size_reduction)
        )
        return InstructionOutcome(
            self._replace_order(matcher, order.cancel(size, read_epoch_ms())), size_cancelled=size
        )

    def update_persistence(
        self, account: str, market_id: str, bet_id: str, persistence_type: str
    ) -> InstructionOutcome:
        """Change the persistence type of an order."""
        match = self._find_open_order(account, market_id, bet_id)
        if isinstance(match, InstructionOutcome):
            return match
        matcher, order = match
        definition = matcher.state.definition
        allowed = {
            "LAPSE": True,
            "PERSIST": definition.get("turnInPlayEnabled"),
            "MARKET_ON_CLOSE": _accepts_bsp_bets(definition),
        }
        if not allowed.get(persistence_type):
            return InstructionOutcome(error_code="INVALID_PERSISTENCE_TYPE")
        if persistence_type == order.persistence_type:
            return InstructionOutcome(error_code="NO_ACTION_REQUIRED")
        return InstructionOutcome(self._replace_order(matcher, replace(order, persistence_type=persistence_type)))  # type: ignore[arg-type]

    def _replace_order(self, matcher: Matcher, order: Order) -> Order:
        journal_length = len(self.journal)
        matcher.orders[order.bet_id] = order
        self._record(order)
        self._notify_listeners(journal_length)
        return order


def _accepts_bsp_bets(definition: dict[str, Any]) -> bool:
    return bool(definition.get("bspMarket")) and not definition.get("bspReconciled")


def _resolve_min_fill(instruction: PlaceInstruction) -> float | None:
    """Return the size that must be matched immediately; None without fill or kill."""
    limit = instruction.limit_order
    if instruction.order_type != "LIMIT" or limit is None or limit.time_in_force is None:
        return None
    return limit.size if limit.min_fill_size is None else limit.min_fill_size
