"""What a client may ask of the API beside orders, as frozen values.

Names are those of Betfair's Exchange API (Betting Type Definitions, Accounts TypeDefinitions); what is not in it is ignored.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from perfbench.exchange.matching.instructions import RequestModel


class TimeRange(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """From and to a moment, both included; None: any."""

    from_: datetime | None = msgspec.field(default=None, name="from")
    to: datetime | None = None

    def holds(self, moment: datetime) -> bool:
        """Whether a moment, with a time zone, is in it."""
        return (self.from_ is None or _ensure_timezone(self.from_) <= moment) and (
            self.to is None or moment <= _ensure_timezone(self.to)
        )


def _ensure_timezone(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.astimezone()


class MarketFilter(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """Which markets; what is None does not matter."""

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

    def fits(self, market: str, definition: dict[str, Any]) -> bool:
        """Whether a market of this id and definition is asked for."""
        if self.market_ids and market not in self.market_ids:
            return False
        listed = all(
            not getattr(self, said) or definition.get(key) in getattr(self, said)
            for said, key in LIST_FILTER_FIELDS.items()
        )
        flagged = all(
            getattr(self, said) is None or definition.get(key, False) == getattr(self, said)
            for said, key in FLAG_FILTER_FIELDS.items()
        )
        return listed and flagged and self._in_time(definition)

    def _in_time(self, definition: dict[str, Any]) -> bool:
        if self.market_start_time is None:
            return True
        starts = definition.get("marketTime")
        return starts is not None and self.market_start_time.holds(
            datetime.fromisoformat(starts.replace("Z", "+00:00"))
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
"""The filter's parts and the fields of a market definition that they are about."""


class ListMarketCatalogue(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """What does not change about markets."""

    filter: MarketFilter
    max_results: int
    market_projection: tuple[str, ...] | None = None
    sort: str | None = None


class ExBestOffersOverrides(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """How many of the best offers."""

    best_prices_depth: int | None = None


class PriceProjection(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """Which prices."""

    price_data: tuple[str, ...] | None = None
    ex_best_offers_overrides: ExBestOffersOverrides | None = None


class ListMarketBook(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """Markets as they stand."""

    market_ids: tuple[str, ...]
    price_projection: PriceProjection | None = None
    order_projection: str | None = None


class ListCurrentOrders(RequestModel, frozen=True, kw_only=True, rename="camel"):
    """Own orders on markets that are not over."""

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
    """Own orders on markets that are over."""

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
    """A call without parameters that matter here."""
