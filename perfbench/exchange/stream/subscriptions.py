"""Creation of subscriptions from requests."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from perfbench.exchange.app_keys import DELAYED_CONFLATE_MS
from perfbench.exchange.context import ExchangeContext
from perfbench.exchange.replay.best_offers import MarketFields
from perfbench.exchange.stream.market_data_filter import resolve_fields
from perfbench.exchange.stream.market_subscription import MarketSubscription, MarketSubscriptionConfig, ResumePoint
from perfbench.exchange.stream.order_cache import OrderStreamOptions
from perfbench.exchange.stream.order_subscription import OrderSubscription, OrderSubscriptionConfig
from perfbench.exchange.stream.request_messages import (
    CONFLATE_MS_BOUNDS,
    HEARTBEAT_MS_BOUNDS,
    MarketFilter,
    MarketSubscriptionRequest,
    OrderFilter,
    OrderSubscriptionRequest,
    StreamRequestError,
    clamp_milliseconds,
)

POSITION_PATTERN = re.compile("[0-9]{1,18}")

Subscription = MarketSubscription | OrderSubscription
SubscriptionRequest = MarketSubscriptionRequest | OrderSubscriptionRequest


@dataclass(frozen=True, slots=True)
class MarketCriteria:
    """Markets and fields of a market subscription."""

    market_ids: frozenset[str]
    fields: MarketFields


@dataclass(frozen=True, slots=True)
class OrderCriteria:
    """Account and options of an order subscription."""

    account: str
    options: OrderStreamOptions


def create_market_subscription(
    context: ExchangeContext, request: MarketSubscriptionRequest, *, delayed: bool
) -> MarketSubscription:
    """Create a market subscription, with ``delayed`` data or live. Raises StreamRequestError."""
    market_filter = request.market_filter or MarketFilter()
    market_ids = frozenset(
        market
        for market, definition in context.timeline.definitions.items()
        if market_filter.matches(market, definition)
    )
    if len(market_ids) > context.limits.max_markets:
        text = f"subscription matches {len(market_ids)} markets; the limit is {context.limits.max_markets}"
        raise StreamRequestError("SUBSCRIPTION_LIMIT_EXCEEDED", text, closes_connection=False)
    criteria = MarketCriteria(market_ids, resolve_fields(request.market_data_filter))
    feed = context.feed(criteria.fields)
    last_position = (
        context.clock.count_due_updates(time.monotonic()) + 1
    )  # one may just have been sent before it is counted
    position, previous = _resolve_resume_position(context, request, last_position)
    resume = None
    if isinstance(previous, MarketCriteria):
        has_same_fields = previous.fields == criteria.fields
        resume = ResumePoint(position, previous.market_ids if has_same_fields else frozenset())
    elif previous is not None:
        raise _build_clock_error()
    config = MarketSubscriptionConfig(
        request.id or 0,
        market_ids,
        DELAYED_CONFLATE_MS if delayed else _clamp_conflation(request),
        _clamp_heartbeat(request),
        bool(request.segmentation_enabled),
    )
    return MarketSubscription(config, feed, context.clock, context.resume_tokens.issue(criteria), resume)


def create_order_subscription(
    context: ExchangeContext, request: OrderSubscriptionRequest, session: str
) -> OrderSubscription:
    """Create an order subscription of the account of a session. Raises StreamRequestError."""
    if context.order_manager is None:
        raise StreamRequestError("NOT_AUTHORIZED", "no order stream: the exchange runs without its API")
    order_filter = request.order_filter or OrderFilter()
    refs = order_filter.customer_strategy_refs
    options = OrderStreamOptions(
        frozenset(refs) if refs else None,
        order_filter.include_overall_position is not False,
        bool(order_filter.partition_matched_by_strategy_ref),
    )
    account = context.sessions.get_account(session)
    criteria = OrderCriteria(account, options)
    journal = context.order_manager.journal
    position, previous = _resolve_resume_position(context, request, len(journal))
    if previous is not None and not (isinstance(previous, OrderCriteria) and previous.account == account):
        raise _build_clock_error()
    config = OrderSubscriptionConfig(
        request.id or 0, account, options, _clamp_conflation(request), _clamp_heartbeat(request)
    )
    resume_position = position if previous == criteria else None
    return OrderSubscription(config, journal, context.clock, context.resume_tokens.issue(criteria), resume_position)


def _clamp_conflation(request: SubscriptionRequest) -> int:
    return clamp_milliseconds(request.conflate_ms, CONFLATE_MS_BOUNDS, CONFLATE_MS_BOUNDS[0])


def _clamp_heartbeat(request: SubscriptionRequest) -> int:
    return clamp_milliseconds(request.heartbeat_ms, HEARTBEAT_MS_BOUNDS, HEARTBEAT_MS_BOUNDS[1])


def _resolve_resume_position(
    context: ExchangeContext, request: SubscriptionRequest, last_position: int
) -> tuple[int, object]:
    """Return the position to resume from and the criteria of the subscription before; none for a new subscription.

    Raises StreamRequestError for clocks that this exchange did not issue.
    """
    if request.initial_clk is None and request.clk is None:
        return 0, None
    previous = context.resume_tokens.find(request.initial_clk)
    position = int(request.clk) if request.clk and POSITION_PATTERN.fullmatch(request.clk) else -1
    if previous is None or not 0 <= position <= last_position:
        raise _build_clock_error()
    return position, previous


def _build_clock_error() -> StreamRequestError:
    return StreamRequestError("INVALID_CLOCK", "initialClk/clk were not issued by this server for this subscription")
