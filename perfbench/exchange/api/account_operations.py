"""Account operations: getAccountFunds and getAccountDetails."""

from __future__ import annotations

from typing import Any

from perfbench.exchange.matching.order_manager import OrderManager


def get_account_funds(order_manager: OrderManager, account: str) -> dict[str, Any]:
    """Answer getAccountFunds."""
    funds = order_manager.get_funds(account)
    return {
        "availableToBetBalance": funds.available,
        "exposure": 0.0 - funds.exposure,
        "retainedCommission": 0.0,
        "exposureLimit": -10_000.0,
        "discountRate": 0.0,
        "pointsBalance": 0,
        "wallet": "UK",
    }


def get_account_details(account: str) -> dict[str, Any]:
    """Answer getAccountDetails."""
    return {
        "currencyCode": "GBP",
        "firstName": account,
        "lastName": "",
        "localeCode": "en",
        "region": "GBR",
        "timezone": "GMT",
        "discountRate": 0.0,
        "pointsBalance": 0,
        "countryCode": "GB",
    }
