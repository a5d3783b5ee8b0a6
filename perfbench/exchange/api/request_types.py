"""Request types of the API operations other than order operations.

Names follow Betfair's Exchange API (Betting Type Definitions, Accounts TypeDefinitions); unknown keys are ignored.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from perfbench.exchange.matching.instructions import RequestModel


class TimeRange(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """Time range with inclusive bounds; None for an open one."""

    from_: datetime | None = msgspec.field(default=None, name="from")
    to: datetime | None = None

    def contains(self, moment: datetime) -> bool:
        """Return whether a timezone-aware moment is in the range."""
        return (self.from_ is None or _ensure_timezone(self.from_) <= moment) and (
            self.to is None or moment <= _ensure_timezone(self.to)
        )


def _ensure_timezone(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.astimezone()


class MarketFilter(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """Market filter; None matches everything."""

    market_ids: tuple[str, ...] | None = None
    event_type_ids: tuple[str, ...] | None = None
    event_ids: tuple[str, ...] | None = None
    venues: tuple[str, ...] | None = None
    market_countries: tuple[str, ...] | None = None
    market_type_codes: tuple[str, ...] | None = None
    market_betting_types: tuple[str, ...] | None = None
    race_types: tuple[str, ...] | None = None
    bsp_only: bool | None = None
    turn_in_play_enabled: bool | None = None
    in_play_only: bool | None = None
    market_start_time: TimeRange | None = None

    def matches(self, market_id: str, definition: dict[str, Any]) -> bool:
        """Return whether a market matches the filter."""
        if self.market_ids and market_id not in self.market_ids:
            return False
        listed = all(
            not getattr(self, attribute) or definition.get(key) in getattr(self, attribute)
            for attribute, key in LIST_FILTER_FIELDS.items()
        )
        flagged = all(
            getattr(self, attribute) is None or definition.get(key, False) == getattr(self, attribute)
            for attribute, key in FLAG_FILTER_FIELDS.items()
        )
        return listed and flagged and self._in_time(definition)

    def _in_time(self, definition: dict[str, Any]) -> bool:
        if self.market_start_time is None:
            return True
        start_time = definition.get("marketTime")
        return start_time is not None and self.market_start_time.contains(
            datetime.fromisoformat(start_time.replace("Z", "+00:00"))
        )


LIST_FILTER_FIELDS = {
    "event_type_ids": "eventTypeId",
    "event_ids": "eventId",
    "venues": "venue",
    "market_countries": "countryCode",
    "market_type_codes": "marketType",
    "market_betting_types": "bettingType",
    "race_types": "raceType",
}
FLAG_FILTER_FIELDS = {"bsp_only": "bspMarket", "turn_in_play_enabled": "turnInPlayEnabled", "in_play_only": "inPlay"}
"""Attributes of the filter, and the keys of a market definition that they match."""


class ListMarketCatalogue(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """Parameters of listMarketCatalogue."""

    filter: MarketFilter
    max_results: int
    market_projection: tuple[str, ...] | None = None
    sort: str | None = None


class ExBestOffersOverrides(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """Depth of best offers."""

    best_prices_depth: int | None = None


class PriceProjection(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """Requested price data."""

    price_data: tuple[str, ...] | None = None
    ex_best_offers_overrides: ExBestOffersOverrides | None = None


class ListMarketBook(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """Parameters of listMarketBook."""

    market_ids: tuple[str, ...]
    price_projection: PriceProjection | None = None
    order_projection: str | None = None


class ListCurrentOrders(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """Parameters of listCurrentOrders."""

    bet_ids: tuple[str, ...] | None = None
    market_ids: tuple[str, ...] | None = None
    order_projection: str | None = None
    customer_order_refs: tuple[str, ...] | None = None
    customer_strategy_refs: tuple[str, ...] | None = None
    date_range: TimeRange | None = None
    sort_dir: str | None = None
    from_record: int | None = None
    record_count: int | None = None


class ListClearedOrders(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """Parameters of listClearedOrders."""

    bet_status: str
    bet_ids: tuple[str, ...] | None = None
    market_ids: tuple[str, ...] | None = None
    side: str | None = None
    customer_order_refs: tuple[str, ...] | None = None
    customer_strategy_refs: tuple[str, ...] | None = None
    group_by: str | None = None
    from_record: int | None = None
    record_count: int | None = None


class EmptyParameters(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """Parameters of an operation that needs none."""
