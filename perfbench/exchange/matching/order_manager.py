"""Order manager for all markets and accounts, with a journal of order changes."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from perfbench.exchange.account.customer_references import CustomerReferences
from perfbench.exchange.account.wallet import AccountFunds, StatementEntry, Wallet
from perfbench.exchange.matching.instructions import MarketVersion, PlaceInstruction
from perfbench.exchange.matching.matcher import Matcher
from perfbench.exchange.matching.order import Order, round_to_pence
from perfbench.exchange.matching.placement import (
    AcceptedOrders,
    accept_order,
    find_lapse_reason,
    get_version,
    is_delayed,
)
from perfbench.exchange.matching.settlement import compute_commission, compute_profit
from perfbench.exchange.matching.validation import find_instruction_errors, find_market_error
from perfbench.exchange.replay.timeline import Timeline
from perfbench.exchange.wall_clock import read_epoch_ms

FIRST_BET_ID = 300_000_000_001

EXPOSURE_LIMIT = 10_000.0
"""Smallest exposure limit of an account, in pounds; it is that of the opening balance, if that is larger."""


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


@dataclass(frozen=True, slots=True)
class Rejection:
    """Request that was not accepted: its error code, and the outcome of each instruction."""

    error_code: str
    outcomes: tuple[InstructionOutcome, ...]


class OrderManager:
    """Orders of all accounts. Not thread-safe, except for the append-only ``journal`` and ``add_listener``.

    ``exposure_limit`` is that of every account, in pounds.
    """

    def __init__(self, timeline: Timeline, opening_balance: float) -> None:
        self._timeline = timeline
        self._wallet = Wallet(opening_balance)
        self.exposure_limit = max(opening_balance, EXPOSURE_LIMIT)
        self._position = 0
        self.customer_references = CustomerReferences()
        self._bet_ids = itertools.count(FIRST_BET_ID)
        self._listeners: list[Callable[[], None]] = []
        self._orders: defaultdict[str, dict[str, Order]] = defaultdict(dict)
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
        for order in matcher.apply_change(change, read_epoch_ms()):
            self._record(order)
        if matcher.closed and not was_closed:
            self._settle(matcher)
            self.journal.append(MarketClosed(change["id"]))

    def _settle(self, matcher: Matcher) -> None:
        definition, profits = matcher.state.definition, defaultdict[str, float](float)
        for order in matcher.orders.values():
            profits[order.account] += compute_profit(order, definition)
        for account, profit in profits.items():
            commission = compute_commission(round_to_pence(profit), definition)
            self._wallet.settle(account, matcher.state.market_id, profit, commission, matcher.settled_at or 0)

    @property
    def has_open_orders(self) -> bool:
        """Whether any order can still be matched."""
        return any(matcher.has_open_orders for matcher in self.matchers.values())

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
        self._orders[order.account][order.bet_id] = order
        self.journal.append(order)
        return order

    # Accounts -------------------------------------------------------------------------------------------------------------

    def get_funds(self, account: str) -> AccountFunds:
        """Return the funds of an account."""
        return self._wallet.get_funds(account, self._compute_exposure(account))

    def list_statement(self, account: str) -> list[StatementEntry]:
        """Return the account's statement, latest entry first."""
        return self._wallet.list_statement(account)

    def _compute_exposure(self, account: str, market_id: str = "", additional: Iterable[Order] = ()) -> float:
        """Return the exposure of an account in pounds, with additional orders on a market."""
        total = 0.0
        for name, matcher in self.matchers.items():
            if not matcher.closed and (account in matcher.exposures or name == market_id):
                new_orders = additional if name == market_id else ()
                total += matcher.exposures[account].compute_worst_loss(matcher.winners, new_orders)
        return round_to_pence(total)

    def list_orders(self, account: str) -> list[Order]:
        """Return all orders of an account, oldest first."""
        return sorted(self._orders.get(account, {}).values(), key=lambda order: order.bet_id)

    def list_open_orders(self, account: str) -> list[Order]:
        """Return the orders of an account that can still be matched, oldest first."""
        open_orders = (order for matcher in self.matchers.values() for order in matcher.open_orders)
        return sorted((order for order in open_orders if order.account == account), key=lambda order: order.bet_id)

    # Orders ---------------------------------------------------------------------------------------------------------------

    def accept_orders(
        self,
        account: str,
        market_id: str,
        instructions: Sequence[PlaceInstruction],
        version: MarketVersion | None = None,
        customer_strategy_ref: str = "",
    ) -> AcceptedOrders | Rejection:
        """Validate all orders of a request and reserve their exposure; they are matched by ``execute_orders``."""
        matcher = self.matchers.get(market_id)
        error_code = find_market_error(matcher, version)
        if error_code or matcher is None:
            outcomes = [InstructionOutcome(error_code="ERROR_IN_ORDER") for _ in instructions]
            return Rejection(error_code or "INVALID_MARKET_ID", tuple(outcomes))
        codes = find_instruction_errors(instructions, matcher.state)
        if any(codes):
            outcomes = [InstructionOutcome(error_code=code or "ERROR_IN_ORDER") for code in codes]
            return Rejection("BET_ACTION_ERROR", tuple(outcomes))
        accepted = tuple(
            accept_order(i, str(next(self._bet_ids)), account, market_id, customer_strategy_ref, read_epoch_ms())
            for i in instructions
        )
        exposure = self._compute_exposure(account, market_id, [entry.order for entry in accepted])
        funds = self.get_funds(account)
        if exposure > funds.exposure and (
            exposure > round_to_pence(funds.available + funds.exposure) or exposure > self.exposure_limit
        ):
            outcomes = [InstructionOutcome(error_code="INSUFFICIENT_FUNDS") for _ in instructions]
            return Rejection("INSUFFICIENT_FUNDS", tuple(outcomes))
        for entry in accepted:
            matcher.exposures[account].replace_order(None, entry.order)
        return AcceptedOrders(market_id, accepted, get_version(version))

    def is_delayed(self, accepted: AcceptedOrders) -> bool:
        """Return whether the bet delay of the market applies to accepted orders."""
        return is_delayed(accepted, self.matchers[accepted.market_id])

    def execute_orders(self, accepted: AcceptedOrders) -> list[InstructionOutcome]:
        """Match accepted orders; those that the market no longer takes lapse."""
        matcher, now, journal_length = self.matchers[accepted.market_id], read_epoch_ms(), len(self.journal)
        outcomes = []
        for entry in accepted.orders:
            matcher.exposures[entry.order.account].replace_order(entry.order, None)
            order = replace(entry.order, placed_at=now)
            reason = find_lapse_reason(order, matcher, accepted.version)
            if reason is None:
                order = matcher.place_order(order, now, entry.min_fill_size)
            else:
                order = matcher.set_order(order.lapse(now, reason))
            outcomes.append(InstructionOutcome(self._record(order)))
        self._notify_listeners(journal_length)
        return outcomes

    def place_orders(
        self,
        account: str,
        market_id: str,
        instructions: Sequence[PlaceInstruction],
        version: MarketVersion | None = None,
        customer_strategy_ref: str = "",
    ) -> tuple[str | None, list[InstructionOutcome]]:
        """Place all orders or none, without a delay; return the request's error code, if any, and each outcome."""
        accepted = self.accept_orders(account, market_id, instructions, version, customer_strategy_ref)
        if isinstance(accepted, Rejection):
            return accepted.error_code, list(accepted.outcomes)
        return None, self.execute_orders(accepted)

    def _find_open_order(
        self, account: str, market_id: str | None, bet_id: str
    ) -> tuple[Matcher, Order] | InstructionOutcome:
        """Return an account's order that can still be changed, else an outcome with the error code."""
        order = self._orders.get(account, {}).get(bet_id)
        if order is None or market_id not in (None, order.runner.market_id):
            return InstructionOutcome(error_code="INVALID_BET_ID")
        matcher = self.matchers[order.runner.market_id]
        if matcher.closed or not order.executable or order.order_type != "LIMIT" or order.on_close:
            return InstructionOutcome(error_code="BET_TAKEN_OR_LAPSED")
        return matcher, order

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
        self._record(matcher.set_order(order))
        self._notify_listeners(journal_length)
        return order


def _accepts_bsp_bets(definition: dict[str, Any]) -> bool:
    return bool(definition.get("bspMarket")) and not definition.get("bspReconciled")
