"""Market books of listMarketBook.

Names: Betfair, Exchange API, Betting Type Definitions, MarketBook. Values that are not in the file are omitted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from perfbench.exchange.api.data_weights import DEFAULT_BEST_PRICES_DEPTH
from perfbench.exchange.api.markets import Market
from perfbench.exchange.api.order_summaries import build_book_order, build_matches
from perfbench.exchange.matching.market_state import MarketState
from perfbench.exchange.matching.matcher import REMOVED_STATUSES
from perfbench.exchange.matching.order import Order, RunnerKey, Side
from perfbench.exchange.replay.best_offers import ROLL_UP_LIMIT, roll_up

Offers = Iterable[tuple[float, float]]

VIRTUAL_LADDERS: dict[Side, str] = {"BACK": "bdatb", "LAY": "bdatl"}
"""Best offers with virtual bets, which only files recorded with EX_BEST_OFFERS_DISP have."""


@dataclass(frozen=True, slots=True)
class BookOptions:
    """Content of a market book.

    ``prices``: price data such as ``EX_BEST_OFFERS``; ``depth``: levels of best offers; ``roll_up_limit``: smallest size
    of a best offer in pounds (0: no roll-up); ``virtual``: best offers with virtual bets, where the file has them.
    ``lists_orders``: list own orders with their runners; ``match_projection``: how matches are listed with them (None:
    not at all); ``by_strategy``: list matches also by strategy. ``delayed``: the data are those of a delayed key.
    """

    prices: Sequence[str] = ()
    depth: int = DEFAULT_BEST_PRICES_DEPTH
    roll_up_limit: float = ROLL_UP_LIMIT
    virtual: bool = False
    lists_orders: bool = False
    match_projection: str | None = None
    by_strategy: bool = False
    delayed: bool = False


def build_market_book(
    market: Market, options: BookOptions, own_orders: Sequence[Order], only: RunnerKey | None = None
) -> dict[str, Any]:
    """Build the market book of a market with own orders; ``only`` restricts its runners to one."""
    definition, state = market.definition, market.state
    runners = [
        _build_runner_book(state, runner, options, own_orders)
        for runner in definition["runners"]
        if only is None or (runner["id"], runner.get("hc", 0.0)) == (only.selection_id, only.handicap)
    ]
    return {
        "marketId": state.market_id,
        "isMarketDataDelayed": options.delayed,
        "status": definition.get("status"),
        "betDelay": definition.get("betDelay", 0),
        "bspReconciled": definition.get("bspReconciled", False),
        "complete": definition.get("complete", False),
        "inplay": definition.get("inPlay", False),
        "numberOfWinners": definition.get("numberOfWinners"),
        "numberOfRunners": len(definition["runners"]),
        "numberOfActiveRunners": definition.get("numberOfActiveRunners"),
        "totalMatched": state.total_matched,
        "totalAvailable": state.total_available,
        "crossMatching": definition.get("crossMatching", False),
        "runnersVoidable": definition.get("runnersVoidable", False),
        "version": definition.get("version"),
        "runners": runners,
    }


def _build_runner_book(
    state: MarketState, definition: dict[str, Any], options: BookOptions, own_orders: Sequence[Order]
) -> dict[str, Any]:
    runner_key = RunnerKey(state.market_id, definition["id"], definition.get("hc", 0.0))
    runner_prices = state.get_runner_prices(runner_key.selection_id, runner_key.handicap)
    fields: dict[str, Any] = {
        "selectionId": runner_key.selection_id,
        "handicap": runner_key.handicap,
        "status": definition.get("status"),
        "adjustmentFactor": definition.get("adjustmentFactor"),
    }
    if "ltp" in runner_prices:
        fields["lastPriceTraded"] = runner_prices["ltp"]
    if definition.get("status") in REMOVED_STATUSES:
        fields["removalDate"] = definition.get("removalDate")
    else:
        fields["totalMatched"] = runner_prices.get("tv", 0.0)
    if any(name.startswith("EX_") for name in options.prices):
        fields["ex"] = _build_exchange_prices(state, runner_key, runner_prices, options)
    if any(name.startswith("SP_") for name in options.prices):
        fields["sp"] = _build_starting_prices(definition, runner_prices, options.prices)
    orders = [order for order in own_orders if order.runner == runner_key]
    return {**fields, **_build_own(orders, options)}


def _build_own(orders: Sequence[Order], options: BookOptions) -> dict[str, Any]:
    """Return the orders and matches of a runner; nothing without orders."""
    if not orders:
        return {}
    fields: dict[str, Any] = {}
    if options.lists_orders:
        fields["orders"] = [build_book_order(order) for order in orders]
    if options.match_projection:
        fields["matches"] = build_matches(orders, options.match_projection)
        if options.by_strategy:
            refs = dict.fromkeys(order.customer_strategy_ref for order in orders)
            fields["matchesByStrategy"] = {
                ref: build_matches([o for o in orders if o.customer_strategy_ref == ref], options.match_projection)
                for ref in refs
            }
    return fields


def _build_exchange_prices(
    state: MarketState, runner_key: RunnerKey, runner_prices: dict[str, Any], options: BookOptions
) -> dict[str, Any]:
    traded: Offers = ()
    if "EX_TRADED" in options.prices:
        traded = sorted(tuple(entry) for entry in runner_prices.get("trd", {}).values())
    return {
        "availableToBack": _format_price_sizes(_list_offers(state, runner_key, "BACK", options)),
        "availableToLay": _format_price_sizes(_list_offers(state, runner_key, "LAY", options)),
        "tradedVolume": _format_price_sizes(traded),
    }


def _list_offers(state: MarketState, runner_key: RunnerKey, side: Side, options: BookOptions) -> Offers:
    """Return all offers as they are, or the best ones: rolled up, and with virtual bets where the file has them."""
    if "EX_ALL_OFFERS" in options.prices:
        return state.list_offers(runner_key, side)
    if "EX_BEST_OFFERS" not in options.prices:
        return ()
    prices = state.get_runner_prices(runner_key.selection_id, runner_key.handicap)
    virtual = prices.get(VIRTUAL_LADDERS[side]) if options.virtual else None
    offers = state.list_offers(runner_key, side)
    if virtual:
        offers = [(price, size) for _, (_, price, size) in sorted(virtual.items()) if size]
    return roll_up(offers, options.depth, options.roll_up_limit)


def _build_starting_prices(
    definition: dict[str, Any], runner_prices: dict[str, Any], prices: Sequence[str]
) -> dict[str, Any]:
    fields: dict[str, Any] = {"backStakeTaken": [], "layLiabilityTaken": []}
    if "SP_TRADED" in prices:
        fields["backStakeTaken"] = _format_price_sizes(sorted(tuple(e) for e in runner_prices.get("spb", {}).values()))
        fields["layLiabilityTaken"] = _format_price_sizes(
            sorted(tuple(e) for e in runner_prices.get("spl", {}).values())
        )
    if "SP_AVAILABLE" in prices:
        projected = {"nearPrice": runner_prices.get("spn"), "farPrice": runner_prices.get("spf")}
        fields.update((name, price) for name, price in projected.items() if price is not None)
    if definition.get("bsp"):
        fields["actualSP"] = definition["bsp"]
    return fields


def _format_price_sizes(offers: Offers) -> list[dict[str, float]]:
    return [{"price": price, "size": size} for price, size in offers]
