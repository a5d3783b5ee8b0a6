"""Where orders are placed and come to their ends: all markets, all accounts, and what has happened to their orders."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from perfbench.exchange.matching.exposure import compute_exposure
from perfbench.exchange.matching.instructions import MarketVersion, PlaceInstruction
from perfbench.exchange.matching.matcher import Matcher
from perfbench.exchange.matching.order import Order, OrderType, PersistenceType, RunnerKey, round_to_pence
from perfbench.exchange.matching.settlement import compute_commission, compute_profit
from perfbench.exchange.matching.validation import find_instruction_error, find_market_error
from perfbench.exchange.replay.timeline import Timeline

CUSTOMER_REF_SECONDS = 60.0
"""Seconds in which a reference of a client is accepted once (Betfair, placeOrders, customerRef)."""

FIRST_BET_ID = 300_000_000_001


@dataclass(frozen=True, slots=True)
class MarketClosed:
    """A market is over."""

    market: str


@dataclass(frozen=True, slots=True)
class AccountFunds:
    """Pounds of an account: what it may still bet, and what its orders may lose."""

    available: float
    exposure: float


@dataclass(frozen=True, slots=True)
class InstructionOutcome:
    """What became of one instruction: the order, or the code of why there is none; ``size`` is what was cancelled."""

    order: Order | None = None
    error: str | None = None
    size: float = 0.0


class OrderManager:
    """The orders of all accounts. Not for several threads, but for ``journal``, which only grows, and ``listen``."""

    def __init__(self, timeline: Timeline, funds: float) -> None:
        self._timeline = timeline
        self._funds = funds
        self._position = 0
        self._balances: dict[str, float] = {}
        self._references: dict[tuple[str, str], float] = {}
        self._bets = itertools.count(FIRST_BET_ID)
        self._listeners: list[Callable[[], None]] = []
        self.matchers: dict[str, Matcher] = {}
        self.journal: list[Order | MarketClosed] = []

    # The markets ----------------------------------------------------------------------------------------------------------

    def advance(self, position: int) -> None:
        """Bring all markets to a position of the timeline, update by update."""
        noted = len(self.journal)
        while self._position < position:
            update = self._timeline.updates[self._position]
            for change in json.loads(update.line)["mc"]:
                self._apply(change)
            self._position += 1
        self._tell(noted)

    def _apply(self, change: dict[str, Any]) -> None:
        matcher = self.matchers.setdefault(change["id"], Matcher(change["id"]))
        was_closed = matcher.closed
        self.journal += matcher.apply(change, read_epoch_ms())
        if matcher.closed and not was_closed:
            self._settle(matcher)
            self.journal.append(MarketClosed(change["id"]))

    def _settle(self, matcher: Matcher) -> None:
        definition = matcher.standing.definition
        for account in {order.account for order in matcher.orders.values()}:
            won = sum(compute_profit(o, definition) for o in matcher.orders.values() if o.account == account)
            self._balances[account] = self._balance(account) + won - compute_commission(won, definition)

    @property
    def waits(self) -> bool:
        """Whether an order may still be matched."""
        return any(matcher.waiting for matcher in self.matchers.values())

    # News -----------------------------------------------------------------------------------------------------------------

    def listen(self, listener: Callable[[], None]) -> None:
        """Call a function, from whatever thread, when the journal has grown."""
        self._listeners.append(listener)

    def forget(self, listener: Callable[[], None]) -> None:
        """No longer call it."""
        self._listeners.remove(listener)

    def _tell(self, noted: int) -> None:
        if len(self.journal) > noted:
            for listener in list(self._listeners):
                listener()

    def _note(self, order: Order) -> Order:
        self.journal.append(order)
        return order

    # Accounts -------------------------------------------------------------------------------------------------------------

    def _balance(self, account: str) -> float:
        return self._balances.get(account, self._funds)

    def funds(self, account: str) -> AccountFunds:
        """What an account has."""
        at_risk = round_to_pence(sum(self._exposure(account, matcher) for matcher in self.matchers.values()))
        return AccountFunds(round_to_pence(self._balance(account) - at_risk), at_risk)

    @staticmethod
    def _exposure(account: str, matcher: Matcher, further: Iterable[Order] = ()) -> float:
        if matcher.closed:
            return 0.0
        own = [order for order in matcher.orders.values() if order.account == account]
        return compute_exposure([*own, *further], int(matcher.standing.definition.get("numberOfWinners") or 1))

    def orders(self, account: str) -> list[Order]:
        """All orders of an account, the first first."""
        found = [o for matcher in self.matchers.values() for o in matcher.orders.values() if o.account == account]
        return sorted(found, key=lambda order: order.bet)

    def first_use(self, account: str, reference: str) -> bool:
        """Whether a reference is new, from this moment on it is not."""
        moment = time.monotonic()
        for key in [key for key, at in self._references.items() if moment - at > CUSTOMER_REF_SECONDS]:
            del self._references[key]
        return self._references.setdefault((account, reference), moment) == moment

    # Orders ---------------------------------------------------------------------------------------------------------------

    def place(
        self,
        account: str,
        market: str,
        wishes: Sequence[PlaceInstruction],
        version: MarketVersion | None = None,
        strategy: str = "",
    ) -> tuple[str | None, list[InstructionOutcome]]:
        """Place all orders or none: the code of why none, and what became of each."""
        matcher = self.matchers.get(market)
        refusal = find_market_error(matcher, version)
        if refusal or matcher is None:
            return refusal, [InstructionOutcome(error="ERROR_IN_ORDER") for _ in wishes]
        errors = [find_instruction_error(wish, matcher.standing) for wish in wishes]
        if any(errors):
            return "BET_ACTION_ERROR", [InstructionOutcome(error=error or "ERROR_IN_ORDER") for error in errors]
        orders = [self._made(account, market, wish, strategy) for wish in wishes]
        more = self._exposure(account, matcher, orders) - self._exposure(account, matcher)
        if more > self.funds(account).available:
            return "INSUFFICIENT_FUNDS", [InstructionOutcome(error="INSUFFICIENT_FUNDS") for _ in wishes]
        noted = len(self.journal)
        placed = [
            InstructionOutcome(self._note(matcher.place(order, read_epoch_ms(), _resolve_min_fill(wish))))
            for order, wish in zip(orders, wishes, strict=True)
        ]
        self._tell(noted)
        return None, placed

    def _made(self, account: str, market: str, wish: PlaceInstruction, strategy: str) -> Order:
        limit, limited = wish.limit_order, wish.limit_on_close_order
        at_start = limited or wish.market_on_close_order
        kind: OrderType = wish.order_type  # type: ignore[assignment]
        persistence: PersistenceType = limit.persistence_type or "LAPSE" if limit else "MARKET_ON_CLOSE"  # type: ignore[assignment]
        is_limit = kind == "LIMIT" and limit is not None
        return Order(
            str(next(self._bets)),
            account,
            RunnerKey(market, wish.selection_id, wish.handicap or 0.0),
            wish.side,  # type: ignore[arg-type]
            kind,
            limit.price if limit and is_limit else limited.price if limited and kind == "LIMIT_ON_CLOSE" else 0.0,
            round_to_pence(limit.size or 0.0) if limit and is_limit else 0.0,
            0.0 if is_limit or at_start is None else at_start.liability,
            persistence,
            read_epoch_ms(),
            wish.customer_order_ref or "",
            strategy,
        )

    def _waiting(self, account: str, market: str | None, bet: str) -> tuple[Matcher, Order] | InstructionOutcome:
        """An order of an account on a market, or on any, that can still be changed; if there is none, why not."""
        for name, matcher in self.matchers.items():
            order = matcher.orders.get(bet)
            if order is None or order.account != account or market not in (None, name):
                continue
            if matcher.closed or not order.executable or order.kind != "LIMIT" or order.at_start:
                return InstructionOutcome(error="BET_TAKEN_OR_LAPSED")
            return matcher, order
        return InstructionOutcome(error="INVALID_BET_ID")

    def cancel(self, account: str, market: str | None, bet: str, reduction: float | None = None) -> InstructionOutcome:
        """Cancel an order, or so much of it."""
        found = self._waiting(account, market, bet)
        if isinstance(found, InstructionOutcome):
            return found
        matcher, order = found
        if not matcher.standing.open:
            return InstructionOutcome(error="MARKET_NOT_OPEN_FOR_BETTING")
        if reduction is not None and reduction <= 0:
            return InstructionOutcome(error="INVALID_BET_SIZE")
        size = round_to_pence(min(order.remaining, order.remaining if reduction is None else reduction))
        return InstructionOutcome(self._changed(matcher, order.without(size, read_epoch_ms())), size=size)

    def persist(self, account: str, market: str, bet: str, persistence: str) -> InstructionOutcome:
        """Change what an order does when its market turns in-play."""
        found = self._waiting(account, market, bet)
        if isinstance(found, InstructionOutcome):
            return found
        matcher, order = found
        definition = matcher.standing.definition
        allowed = {
            "LAPSE": True,
            "PERSIST": definition.get("turnInPlayEnabled"),
            "MARKET_ON_CLOSE": _accepts_bsp_bets(definition),
        }
        if not allowed.get(persistence):
            return InstructionOutcome(error="INVALID_PERSISTENCE_TYPE")
        if persistence == order.persistence:
            return InstructionOutcome(error="NO_ACTION_REQUIRED")
        return InstructionOutcome(self._changed(matcher, replace(order, persistence=persistence)))  # type: ignore[arg-type]

    def _changed(self, matcher: Matcher, order: Order) -> Order:
        noted = len(self.journal)
        matcher.orders[order.bet] = order
        self._note(order)
        self._tell(noted)
        return order


def _accepts_bsp_bets(definition: dict[str, Any]) -> bool:
    return bool(definition.get("bspMarket")) and not definition.get("bspReconciled")


def _resolve_min_fill(wish: PlaceInstruction) -> float | None:
    """Pounds that must be matched at once; None where that does not matter."""
    limit = wish.limit_order
    if wish.order_type != "LIMIT" or limit is None or limit.time_in_force is None:
        return None
    return limit.size if limit.min_fill_size is None else limit.min_fill_size


def read_epoch_ms() -> int:
    """Milliseconds since 1970: clients compare times with their own clock."""
    return time.time_ns() // 1_000_000
