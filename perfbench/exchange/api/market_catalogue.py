"""Market catalogues of listMarketCatalogue.

Names: Betfair, Exchange API, Betting Type Definitions, MarketCatalogue. Values that are not in the file, such as a
competition or, in recorded files, names, are omitted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from perfbench.exchange.matching.market_state import MarketState

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

SORT_ORDERS: dict[str, tuple[Callable[[MarketState], Any], bool]] = {
    "MINIMUM_TRADED": (lambda state: state.total_matched, False),
    "MAXIMUM_TRADED": (lambda state: state.total_matched, True),
    "FIRST_TO_START": (lambda state: state.definition.get("marketTime", ""), False),
    "LAST_TO_START": (lambda state: state.definition.get("marketTime", ""), True),
}
"""Sort key and direction (True: highest first) of each order."""


def build_market_catalogue(state: MarketState, projection: Sequence[str]) -> dict[str, Any]:
    """Build the catalogue entry of a market with the requested projection."""
    definition = state.definition
    fields: dict[str, Any] = {"marketId": state.market_id, "totalMatched": state.total_matched}
    if "name" in definition:
        fields["marketName"] = definition["name"]
    if "MARKET_START_TIME" in projection:
        fields["marketStartTime"] = definition.get("marketTime")
    if "MARKET_DESCRIPTION" in projection:
        fields["description"] = _build_description(definition)
    if "EVENT_TYPE" in projection:
        event_type_id = definition.get("eventTypeId")
        fields["eventType"] = {"id": event_type_id, "name": EVENT_TYPE_NAMES.get(str(event_type_id))}
    if "EVENT" in projection:
        event = {"id": definition.get("eventId"), "name": definition.get("eventName")}
        fields["event"] = {**event, **{key: definition[key] for key in EVENT_FIELDS if key in definition}}
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
