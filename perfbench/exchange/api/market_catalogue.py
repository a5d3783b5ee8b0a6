"""Market catalogues of listMarketCatalogue.

Names: Betfair, Exchange API, Betting Type Definitions, MarketCatalogue. Values that are not in the file, such as a
competition or, in recorded files, names, are omitted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from perfbench.exchange.api.markets import Market

DESCRIPTION_FIELDS = (
    "persistenceEnabled",
    "bspMarket",
    "marketTime",
    "suspendTime",
    "settledTime",
    "bettingType",
    "turnInPlayEnabled",
    "marketType",
    "marketBaseRate",
    "discountAllowed",
    "eachWayDivisor",
    "raceType",
)
EVENT_FIELDS = ("countryCode", "timezone", "venue", "openDate")
EVENT_TYPE_NAMES = {
    "1": "Soccer",
    "2": "Tennis",
    "3": "Golf",
    "4": "Cricket",
    "7": "Horse Racing",
    "4339": "Greyhound Racing",
}
"""Names of event types (listEventTypes); files contain only ids."""

SORT_ORDERS: dict[str, tuple[Callable[[Market], Any], bool]] = {
    "MINIMUM_TRADED": (lambda market: market.state.total_matched, False),
    "MAXIMUM_TRADED": (lambda market: market.state.total_matched, True),
    "MINIMUM_AVAILABLE": (lambda market: market.state.total_available, False),
    "MAXIMUM_AVAILABLE": (lambda market: market.state.total_available, True),
    "FIRST_TO_START": (lambda market: market.definition.get("marketTime", ""), False),
    "LAST_TO_START": (lambda market: market.definition.get("marketTime", ""), True),
}
"""Sort key and direction (True: highest first) of each order."""

PROJECTIONS = frozenset(
    {
        "COMPETITION",
        "EVENT",
        "EVENT_TYPE",
        "MARKET_START_TIME",
        "MARKET_DESCRIPTION",
        "RUNNER_DESCRIPTION",
        "RUNNER_METADATA",
    }
)


def describe_event_type(event_type_id: Any) -> dict[str, Any]:
    """Return an event type; its name is its id if it is not known."""
    return {"id": event_type_id, "name": EVENT_TYPE_NAMES.get(str(event_type_id), str(event_type_id))}


def describe_event(definition: dict[str, Any]) -> dict[str, Any]:
    """Return the event of a market; its name is None if the file has none."""
    event = {"id": definition.get("eventId"), "name": definition.get("eventName")}
    return {**event, **{key: definition[key] for key in EVENT_FIELDS if key in definition}}


def build_market_catalogue(market: Market, projection: Sequence[str]) -> dict[str, Any]:
    """Build the catalogue entry of a market with the requested projection."""
    definition = market.definition
    fields: dict[str, Any] = {"marketId": market.market_id, "totalMatched": market.state.total_matched}
    if "name" in definition:
        fields["marketName"] = definition["name"]
    if "MARKET_START_TIME" in projection:
        fields["marketStartTime"] = definition.get("marketTime")
    if "MARKET_DESCRIPTION" in projection:
        fields["description"] = _build_description(definition)
    if "EVENT_TYPE" in projection:
        fields["eventType"] = describe_event_type(definition.get("eventTypeId"))
    if "EVENT" in projection:
        fields["event"] = describe_event(definition)
    if {"RUNNER_DESCRIPTION", "RUNNER_METADATA"} & set(projection):
        fields["runners"] = [_build_runner_catalogue(runner, projection) for runner in definition.get("runners", ())]
    return fields


def _build_description(definition: dict[str, Any]) -> dict[str, Any]:
    ladder = definition.get("priceLadderDefinition")
    return {
        **{key: definition[key] for key in DESCRIPTION_FIELDS if key in definition},
        "regulator": ", ".join(definition.get("regulators", ())),
        "wallet": "UK wallet",
        "rules": "",
        "rulesHasDate": False,
        **({"priceLadderDescription": ladder} if ladder else {}),
    }


def _build_runner_catalogue(runner: dict[str, Any], projection: Sequence[str]) -> dict[str, Any]:
    fields = {
        "selectionId": runner["id"],
        "handicap": runner.get("hc", 0.0),
        "sortPriority": runner.get("sortPriority"),
    }
    if "name" in runner:
        fields["runnerName"] = runner["name"]
    if "RUNNER_METADATA" in projection:
        fields["metadata"] = {"runnerId": str(runner["id"])}
    return fields
