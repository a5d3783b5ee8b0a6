"""Profit and loss of the runners of a market: listMarketProfitAndLoss.

Names: Betfair, Exchange API, Betting Type Definitions, MarketProfitAndLoss and RunnerProfitAndLoss. Only matched bets
count.
"""

from __future__ import annotations

from typing import Any

from perfbench.exchange.api.exceptions import APINGException
from perfbench.exchange.api.markets import Market, Markets
from perfbench.exchange.api.request_types import ListMarketProfitAndLoss
from perfbench.exchange.matching.order import round_to_pence
from perfbench.exchange.matching.settlement import compute_commission

MAX_MARKETS = 250


def list_market_profit_and_loss(
    markets: Markets, request: ListMarketProfitAndLoss, account: str
) -> list[dict[str, Any]]:
    """Answer listMarketProfitAndLoss for markets on which the account has orders. Raises APINGException."""
    if len(request.market_ids) > MAX_MARKETS:
        raise APINGException("REQUEST_SIZE_EXCEEDS_LIMIT", f"marketIds: at most {MAX_MARKETS}")
    existing = [market for market_id in dict.fromkeys(request.market_ids) if (market := markets.get(market_id))]
    return [
        _build_market(market, request, account)
        for market in existing
        if account in market.matcher.exposures and (request.include_settled_bets or not market.matcher.closed)
    ]


def _build_market(market: Market, request: ListMarketProfitAndLoss, account: str) -> dict[str, Any]:
    losses, wins = _sum_results(market, account, with_bsp=bool(request.include_bsp_bets))
    rate = float(market.definition.get("marketBaseRate") or 0.0)
    net = bool(request.net_of_commission)

    def deduct(profit: float) -> float:
        commission = compute_commission(profit, market.definition) if net else 0.0
        return round_to_pence(profit - commission)

    total, single = sum(losses.values()), market.matcher.winners == 1
    entries = []
    for runner, lost in losses.items():
        entry = {"selectionId": runner[0], **({"handicap": runner[1]} if runner[1] else {})}
        if single:
            entry["ifWin"] = deduct(total - lost + wins[runner])
        else:
            entry["ifWin"], entry["ifLose"] = deduct(wins[runner]), deduct(lost)
        entries.append(entry)
    return {
        "marketId": market.market_id,
        **({"commissionApplied": rate} if net else {}),
        "profitAndLosses": entries,
    }


def _sum_results(
    market: Market, account: str, *, with_bsp: bool
) -> tuple[dict[tuple[int, float], float], dict[tuple[int, float], float]]:
    """Return the profit of the account's matched bets on each runner, if it loses and if it wins."""
    runners = [(entry["id"], entry.get("hc", 0.0)) for entry in market.definition.get("runners", ())]
    losses, wins = dict.fromkeys(runners, 0.0), dict.fromkeys(runners, 0.0)
    for order in market.matcher.orders.values():
        key = order.runner.selection_id, order.runner.handicap
        if order.account != account or key not in losses or (order.order_type != "LIMIT" and not with_bsp):
            continue
        sign = 1 if order.side == "BACK" else -1
        losses[key] -= sign * order.size_matched
        wins[key] += sign * sum(size * (price - 1) for price, size in order.fills)
    return losses, wins
