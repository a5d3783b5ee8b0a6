"""Labels of a market file for the strata of a survey: sport, market type, in-play share, runners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from perfbench.datasets.description import MarketDescription

SPORTS = {
    "1": "Soccer", "2": "Tennis", "3": "Golf", "4": "Cricket", "5": "Rugby Union", "6": "Boxing", "7": "Horse Racing",
    "8": "Motor Sport", "10": "Special Bets", "11": "Cycling", "1477": "Rugby League", "3503": "Darts",
    "4339": "Greyhound Racing", "6422": "Snooker", "6423": "American Football", "7511": "Baseball", "7522": "Basketball",
    "7524": "Ice Hockey", "61420": "Australian Rules", "468328": "Handball", "998917": "Volleyball", "2152880": "Gaelic Games",
    "2378961": "Politics", "26420387": "Mixed Martial Arts", "27454571": "Esports",
}  # fmt: skip
"""Names of Betfair's event types (docs.developer.betfair.com, listEventTypes)."""

UNKNOWN = "unknown"
MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class Strata:
    """What strata are made of: the sport, the market type, the share of updates with an in-play market, runners a market."""

    sport: str
    market_type: str
    in_play_share: float
    runners: float

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """The name and the value of each stratum."""
        return (
            ("sport", self.sport),
            ("market type", self.market_type),
            ("in-play", _label_share(self.in_play_share)),
            ("runners", _label_runners(self.runners)),
        )


def describe_strata(described: Sequence[MarketDescription]) -> Strata:
    """The strata of the market files of one member; ``mixed`` where they differ. Raises ValueError for none."""
    if not described:
        raise ValueError("no market file")
    updates = sum(market.updates for market in described)
    return Strata(
        sport=_name_sport(_choose([name for market in described for name in market.event_types])),
        market_type=_choose([name for market in described for name in market.market_types]),
        in_play_share=sum(market.in_play_updates for market in described) / updates,
        runners=sum(market.runners for market in described) / sum(len(market.market_ids) for market in described),
    )


def _choose(values: Sequence[str]) -> str:
    return UNKNOWN if not values else values[0] if len(set(values)) == 1 else MIXED


def _name_sport(event_type: str) -> str:
    if event_type in (UNKNOWN, MIXED):
        return event_type
    return SPORTS.get(event_type, f"event type {event_type}")


def _label_share(share: float) -> str:
    if not share:
        return "never"
    return "up to half" if share <= 0.5 else "more than half"


def _label_runners(runners: float) -> str:
    for last, label in ((3, "2–3"), (7, "4–7"), (12, "8–12"), (20, "13–20")):
        if runners <= last:
            return label
    return "more than 20"
