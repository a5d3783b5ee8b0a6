"""Account operations: getAccountFunds, getAccountDetails, getAccountStatement and listCurrencyRates."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import msgspec

from perfbench.exchange.account.wallet import StatementEntry
from perfbench.exchange.api.exceptions import reject_input
from perfbench.exchange.api.market_data import CURRENCY
from perfbench.exchange.api.order_lists import slice_page
from perfbench.exchange.api.order_summaries import format_timestamp
from perfbench.exchange.api.request_types import GetAccountFunds, GetAccountStatement, ListCurrencyRates
from perfbench.exchange.matching.order_manager import OrderManager

WALLET = "UK"
STATEMENT_ITEMS = ("ALL", "DEPOSITS_WITHDRAWALS", "EXCHANGE", "POKER_ROOM")
"""Values of includeItem (Betfair, Accounts API, IncludeItem); there are entries of the exchange only."""


def get_account_funds(order_manager: OrderManager, request: GetAccountFunds, account: str) -> dict[str, Any]:
    """Answer getAccountFunds. Raises APINGException."""
    _check_wallet(request.wallet)
    funds = order_manager.get_funds(account)
    return {
        "availableToBetBalance": funds.available,
        "exposure": 0.0 - funds.exposure,
        "retainedCommission": 0.0,
        "exposureLimit": -order_manager.exposure_limit,
        "discountRate": 0.0,
        "pointsBalance": 0,
        "wallet": WALLET,
    }


def get_account_details(account: str) -> dict[str, Any]:
    """Answer getAccountDetails."""
    return {
        "currencyCode": CURRENCY,
        "firstName": account,
        "lastName": "",
        "localeCode": "en",
        "region": "GBR",
        "timezone": "GMT",
        "discountRate": 0.0,
        "pointsBalance": 0,
        "countryCode": "GB",
    }


def get_account_statement(order_manager: OrderManager, request: GetAccountStatement, account: str) -> dict[str, Any]:
    """Answer getAccountStatement: one entry per settled market, latest first. Raises APINGException."""
    _check_wallet(request.wallet)
    if request.include_item not in (None, *STATEMENT_ITEMS):
        raise reject_input("includeItem", f"unknown value {request.include_item}")
    entries = order_manager.list_statement(account) if request.include_item in (None, "ALL", "EXCHANGE") else []
    period = request.item_date_range
    selected = [
        entry
        for entry in entries
        if period is None or period.contains(datetime.fromtimestamp(entry.settled_at / 1000, timezone.utc))
    ]
    page, more_available = slice_page(selected, request.from_record, request.record_count)
    return {"accountStatement": [_build_statement_item(entry) for entry in page], "moreAvailable": more_available}


def _build_statement_item(entry: StatementEntry) -> dict[str, Any]:
    data = {"marketId": entry.market_id, "grossProfit": round(entry.amount + entry.commission, 2)}
    return {
        "refId": entry.market_id,
        "itemDate": format_timestamp(entry.settled_at),
        "amount": entry.amount,
        "balance": entry.balance,
        "itemClass": "UNKNOWN",
        "itemClassData": {
            "unknownStatementItem": msgspec.json.encode({**data, "commission": entry.commission}).decode()
        },
    }


def list_currency_rates(request: ListCurrencyRates) -> list[dict[str, Any]]:
    """Answer listCurrencyRates: that of the only currency. Raises APINGException."""
    if request.from_currency not in (None, "", CURRENCY):
        raise reject_input("fromCurrency", f"{request.from_currency} is not supported; use {CURRENCY}")
    return [{"currencyCode": CURRENCY, "rate": 1.0}]


def _check_wallet(wallet: str | None) -> None:
    if wallet not in (None, "", WALLET, "UK wallet"):
        raise reject_input("wallet", f"unknown value {wallet}")
