"""Lists of what the selected markets have, and the navigation menu.

Operations: listEventTypes, listCompetitions, listTimeRanges, listEvents, listMarketTypes, listCountries, listVenues
(Betfair, Exchange API, Betting Operations) and Navigation Data For Applications. They are made from the definitions in
the market files, and count the markets that are not closed.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from perfbench.exchange.api.exceptions import reject_input
from perfbench.exchange.api.market_catalogue import describe_event, describe_event_type
from perfbench.exchange.api.markets import MarketFilter, Markets, count_by, parse_moment
from perfbench.exchange.api.request_types import ListMarkets, ListTimeRanges

GRANULARITIES = {"DAYS": timedelta(days=1), "HOURS": timedelta(hours=1), "MINUTES": timedelta(minutes=1)}
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

SIMPLE_LISTS = {
    "listMarketTypes": ("marketType", "marketType"),
    "listCountries": ("countryCode", "countryCode"),
    "listVenues": ("venue", "venue"),
}
"""Operations whose entries are a value of the definition: key of the entry, and key of the definition."""


def list_values(markets: Markets, operation: str, request: ListMarkets, account: str) -> list[dict[str, Any]]:
    """Answer one of the operations that count the selected markets. Raises APINGException."""
    selected = markets.select(request.filter, account)
    if operation == "listCompetitions":
        return []
    if operation == "listEventTypes":
        return [
            {"eventType": describe_event_type(event_type_id), "marketCount": len(group)}
            for (event_type_id,), group in count_by(selected, "eventTypeId").items()
        ]
    if operation == "listEvents":
        return [
            {"event": describe_event(group[0].definition), "marketCount": len(group)}
            for group in count_by(selected, "eventId").values()
        ]
    entry_key, definition_key = SIMPLE_LISTS[operation]
    return [
        {entry_key: value, "marketCount": len(group)} for (value,), group in count_by(selected, definition_key).items()
    ]


def list_time_ranges(markets: Markets, request: ListTimeRanges, account: str) -> list[dict[str, Any]]:
    """Answer listTimeRanges: the periods in which selected markets start. Raises APINGException."""
    if request.granularity not in GRANULARITIES:
        raise reject_input("granularity", f"unknown value {request.granularity}")
    step = GRANULARITIES[request.granularity]
    counts: dict[datetime, int] = {}
    for market in markets.select(request.filter, account):
        start_time = parse_moment(market.definition.get("marketTime"))
        if start_time is not None:
            period = EPOCH + (start_time - EPOCH) // step * step
            counts[period] = counts.get(period, 0) + 1
    return [
        {"timeRange": {"from": _format_time(period), "to": _format_time(period + step)}, "marketCount": count}
        for period, count in sorted(counts.items())
    ]


def _format_time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def build_navigation_menu(markets: Markets) -> dict[str, Any]:
    """Return the navigation menu: event types, their events and the markets that are not closed."""
    event_types = []
    for (event_type_id,), of_type in count_by(markets.select(MarketFilter(), ""), "eventTypeId").items():
        events = [
            {
                "type": "EVENT",
                "id": event_id,
                "name": group[0].definition.get("eventName") or str(event_id),
                "countryCode": group[0].definition.get("countryCode"),
                "children": [_build_market_entry(market.market_id, market.definition) for market in group],
            }
            for (event_id,), group in count_by(of_type, "eventId").items()
        ]
        event_types.append({"type": "EVENT_TYPE", **describe_event_type(event_type_id), "children": events})
    return {"type": "GROUP", "id": 0, "name": "ROOT", "children": event_types}


def _build_market_entry(market_id: str, definition: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "MARKET",
        "id": market_id,
        "name": definition.get("name") or definition.get("marketType") or market_id,
        "exchangeId": "1",
        "marketType": definition.get("marketType"),
        "marketStartTime": definition.get("marketTime"),
        "numberOfWinners": definition.get("numberOfWinners"),
    }
