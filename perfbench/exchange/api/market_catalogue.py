"""Markets as the catalogue of the API lists them.

Names: Betfair, Exchange API, Betting Type Definitions, MarketCatalogue. What a file does not say, such as a competition or, in
recorded files, names, is left out.
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
"""Names of event types (listEventTypes); files have only their ids."""

SORT_ORDERS: dict[str, tuple[Callable[[MarketState], Any], bool]] = {
    "MINIMUM_TRADED": (lambda standing: standing.traded, False),
    "MAXIMUM_TRADED": (lambda standing: standing.traded, True),
    "FIRST_TO_START": (lambda standing: standing.definition.get("marketTime", ""), False),
    "LAST_TO_START": (lambda standing: standing.definition.get("marketTime", ""), True),
}
"""Orders of the list: by what, and whether the highest come first."""


def build_market_catalogue(standing: MarketState, projection: Sequence[str]) -> dict[str, Any]:
    """A market of the catalogue, with what the projection asks for."""
    definition = standing.definition
    said: dict[str, Any] = {"marketId": standing.market, "totalMatched": standing.traded}
    if "name" in definition:
        said["marketName"] = definition["name"]
    if "MARKET_START_TIME" in projection:
        said["marketStartTime"] = definition.get("marketTime")
    if "MARKET_DESCRIPTION" in projection:
        said["description"] = _build_description(definition)
    if "EVENT_TYPE" in projection:
        sport = definition.get("eventTypeId")
        said["eventType"] = {"id": sport, "name": EVENT_TYPE_NAMES.get(str(sport))}
    if "EVENT" in projection:
        named = {"id": definition.get("eventId"), "name": definition.get("eventName")}
        said["event"] = {**named, **{key: definition[key] for key in EVENT_FIELDS if key in definition}}
    if {"RUNNER_DESCRIPTION", "RUNNER_METADATA"} & set(projection):
        said["runners"] = [_build_runner_catalogue(runner, projection) for runner in definition.get("runners", ())]
    return said


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
    said = {
        "selectionId": runner["id"],
        "handicap": runner.get("hc", 0.0),
        "sortPriority": runner.get("sortPriority"),
    }
    if "name" in runner:
        said["runnerName"] = runner["name"]
    if "RUNNER_METADATA" in projection:
        said["metadata"] = {"runnerId": str(runner["id"])}
    return said
