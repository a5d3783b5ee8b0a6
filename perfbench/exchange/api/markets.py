"""Markets as the API shows them: definitions with their times on the wall clock, and the market filter.

Names: Betfair, Exchange API, Betting Type Definitions, MarketFilter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from perfbench.exchange.api.exceptions import reject_input
from perfbench.exchange.matching.instructions import RequestModel
from perfbench.exchange.matching.market_state import MarketState
from perfbench.exchange.matching.matcher import Matcher
from perfbench.exchange.matching.order_manager import OrderManager
from perfbench.exchange.replay.clock import MarketClock

ORDER_STATUSES = frozenset({"EXECUTABLE", "EXECUTION_COMPLETE"})
"""Values of withOrders (Betfair, OrderStatus); the others are no search criteria."""

NO_RACE_TYPE = "NO_VALUE"


@dataclass(frozen=True, slots=True)
class Market:
    """Market with its definition at the moment, whose times are on the wall clock."""

    market_id: str
    matcher: Matcher
    definition: dict[str, Any]

    @property
    def state(self) -> MarketState:
        """State of the market."""
        return self.matcher.state


@dataclass(frozen=True, slots=True)
class Markets:
    """All markets of the exchange, with the clock that moves the times of their definitions."""

    order_manager: OrderManager
    clock: MarketClock

    def get(self, market_id: str) -> Market | None:
        """Return a market; None for an unknown one or one that has no definition yet."""
        matcher = self.order_manager.matchers.get(market_id)
        if matcher is None or not matcher.state.definition:
            return None
        return Market(market_id, matcher, self.clock.shift_definition(market_id, matcher.state.definition))

    def select(self, market_filter: MarketFilter, account: str) -> list[Market]:
        """Return the markets that are not closed and match a filter. Raises APINGException for an unsupported filter."""
        market_filter.check()
        markets = (self.get(market_id) for market_id in list(self.order_manager.matchers))
        selected = [m for m in markets if m and not m.matcher.closed and market_filter.matches(m)]
        if not market_filter.with_orders:
            return selected
        wanted = set(market_filter.with_orders)
        own = {o.runner.market_id for o in self.order_manager.list_orders(account) if o.status in wanted}
        return [market for market in selected if market.market_id in own]


class TimeRange(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
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


def parse_moment(text: Any) -> datetime | None:
    """Return a time of a definition; None if it is missing or malformed."""
    try:
        return _ensure_timezone(datetime.fromisoformat(text.replace("Z", "+00:00")))
    except (AttributeError, ValueError, OverflowError, OSError):
        return None


class MarketFilter(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Market filter; None and empty lists match everything."""

    text_query: str | None = None
    exchange_ids: tuple[str, ...] | None = None
    event_type_ids: tuple[str, ...] | None = None
    event_ids: tuple[str, ...] | None = None
    competition_ids: tuple[str, ...] | None = None
    market_ids: tuple[str, ...] | None = None
    venues: tuple[str, ...] | None = None
    bsp_only: bool | None = None
    turn_in_play_enabled: bool | None = None
    in_play_only: bool | None = None
    market_betting_types: tuple[str, ...] | None = None
    market_countries: tuple[str, ...] | None = None
    market_type_codes: tuple[str, ...] | None = None
    market_start_time: TimeRange | None = None
    with_orders: tuple[str, ...] | None = None
    race_types: tuple[str, ...] | None = None
    bet_delay_models: tuple[str, ...] | None = None

    def check(self) -> None:
        """Raise APINGException for what cannot be filtered, instead of returning more markets than asked for."""
        if self.competition_ids:
            raise reject_input("competitionIds", "not supported: market files have no competitions")
        if self.exchange_ids:
            raise reject_input("exchangeIds", "not supported: there is one exchange")
        for status in self.with_orders or ():
            if status not in ORDER_STATUSES:
                raise reject_input("withOrders", f"unknown value {status}")

    def matches(self, market: Market) -> bool:
        """Return whether a market matches the filter; ``withOrders`` is left to the caller."""
        definition = market.definition
        if self.market_ids and market.market_id not in self.market_ids:
            return False
        listed = all(
            not getattr(self, attribute) or definition.get(key) in getattr(self, attribute)
            for attribute, key in LIST_FILTER_FIELDS.items()
        )
        flagged = all(
            getattr(self, attribute) is None or definition.get(key, False) == getattr(self, attribute)
            for attribute, key in FLAG_FILTER_FIELDS.items()
        )
        return listed and flagged and self._matches_others(definition)

    def _matches_others(self, definition: dict[str, Any]) -> bool:
        if self.race_types and definition.get("raceType", NO_RACE_TYPE) not in self.race_types:
            return False
        models = definition.get("betDelayModels") or ()
        if self.bet_delay_models and not set(self.bet_delay_models) & set(models):
            return False
        if self.text_query and not _contains_text(self.text_query, definition):
            return False
        if self.market_start_time is None or (self.market_start_time.from_ is self.market_start_time.to is None):
            return True
        start_time = parse_moment(definition.get("marketTime"))
        return start_time is not None and self.market_start_time.contains(start_time)


def _contains_text(query: str, definition: dict[str, Any]) -> bool:
    """Return whether the names of a market contain a text; ``*`` stands for any characters."""
    pattern = f"*{query.lower().replace('[', '[[]').replace('?', '[?]')}*"
    names = (definition.get(key) for key in ("name", "eventName", "venue"))
    return any(isinstance(name, str) and fnmatchcase(name.lower(), pattern) for name in names)


LIST_FILTER_FIELDS = {
    "event_type_ids": "eventTypeId",
    "event_ids": "eventId",
    "venues": "venue",
    "market_countries": "countryCode",
    "market_type_codes": "marketType",
    "market_betting_types": "bettingType",
}
FLAG_FILTER_FIELDS = {"bsp_only": "bspMarket", "turn_in_play_enabled": "turnInPlayEnabled", "in_play_only": "inPlay"}
"""Attributes of the filter, and the keys of a market definition that they match."""


def count_by(markets: Iterable[Market], *keys: str) -> dict[tuple[Any, ...], list[Market]]:
    """Return markets grouped by values of their definitions, without those that have none."""
    groups: dict[tuple[Any, ...], list[Market]] = {}
    for market in markets:
        values = tuple(market.definition.get(key) for key in keys)
        if values[0] is not None:
            groups.setdefault(values, []).append(market)
    return groups
