"""Calls about orders and money: placeOrders, cancelOrders, replaceOrders, updateOrders, lists of orders, funds."""

from __future__ import annotations

from typing import Any

from perfbench.exchange.matching.order_manager import OrderManager

# Accounts ---------------------------------------------------------------------------------------------------------------------


def get_account_funds(desk: OrderManager, account: str) -> dict[str, Any]:
    """What an account has, in pounds."""
    funds = desk.funds(account)
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
    """Whose account it is."""
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
