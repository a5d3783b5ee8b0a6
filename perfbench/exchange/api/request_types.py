"""Request types of the operations that read.

Names follow Betfair's Exchange API (Betting Type Definitions, Accounts TypeDefinitions). A key that is not listed here is
refused: ignoring it could widen what was asked for.
"""

from __future__ import annotations

from datetime import datetime

from perfbench.exchange.api.markets import MarketFilter, TimeRange
from perfbench.exchange.matching.instructions import RequestModel


class ListMarkets(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Parameters of the operations that list what the selected markets have: listEventTypes, listEvents and so on."""

    filter: MarketFilter
    locale: str | None = None


class ListTimeRanges(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Parameters of listTimeRanges."""

    filter: MarketFilter
    granularity: str


class ListMarketCatalogue(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Parameters of listMarketCatalogue."""

    filter: MarketFilter
    max_results: int
    market_projection: tuple[str, ...] | None = None
    sort: str | None = None
    locale: str | None = None


class ExBestOffersOverrides(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Depth and roll-up of best offers."""

    best_prices_depth: int | None = None
    rollup_model: str | None = None
    rollup_limit: int | None = None
    rollup_liability_threshold: float | None = None
    rollup_liability_factor: int | None = None


class PriceProjection(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Requested price data."""

    price_data: tuple[str, ...] | None = None
    ex_best_offers_overrides: ExBestOffersOverrides | None = None
    virtualise: bool | None = None
    rollover_stakes: bool | None = None


class ListMarketBook(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Parameters of listMarketBook."""

    market_ids: tuple[str, ...]
    price_projection: PriceProjection | None = None
    order_projection: str | None = None
    match_projection: str | None = None
    include_overall_position: bool | None = None
    partition_matched_by_strategy_ref: bool | None = None
    customer_strategy_refs: tuple[str, ...] | None = None
    currency_code: str | None = None
    locale: str | None = None
    matched_since: datetime | None = None
    bet_ids: tuple[str, ...] | None = None


class ListRunnerBook(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Parameters of listRunnerBook."""

    market_id: str
    selection_id: int
    handicap: float | None = None
    price_projection: PriceProjection | None = None
    order_projection: str | None = None
    match_projection: str | None = None
    include_overall_position: bool | None = None
    partition_matched_by_strategy_ref: bool | None = None
    customer_strategy_refs: tuple[str, ...] | None = None
    currency_code: str | None = None
    locale: str | None = None
    matched_since: datetime | None = None
    bet_ids: tuple[str, ...] | None = None


class ListMarketProfitAndLoss(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Parameters of listMarketProfitAndLoss."""

    market_ids: tuple[str, ...]
    include_settled_bets: bool | None = None
    include_bsp_bets: bool | None = None
    net_of_commission: bool | None = None


class ListCurrentOrders(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Parameters of listCurrentOrders."""

    bet_ids: tuple[str, ...] | None = None
    market_ids: tuple[str, ...] | None = None
    order_projection: str | None = None
    customer_order_refs: tuple[str, ...] | None = None
    customer_strategy_refs: tuple[str, ...] | None = None
    date_range: TimeRange | None = None
    order_by: str | None = None
    sort_dir: str | None = None
    from_record: int | None = None
    record_count: int | None = None
    include_item_description: bool | None = None
    locale: str | None = None


class RunnerId(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Runner of a market."""

    market_id: str
    selection_id: int
    handicap: float | None = None


class ListClearedOrders(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Parameters of listClearedOrders."""

    bet_status: str
    event_type_ids: tuple[str, ...] | None = None
    event_ids: tuple[str, ...] | None = None
    market_ids: tuple[str, ...] | None = None
    runner_ids: tuple[RunnerId, ...] | None = None
    bet_ids: tuple[str, ...] | None = None
    customer_order_refs: tuple[str, ...] | None = None
    customer_strategy_refs: tuple[str, ...] | None = None
    side: str | None = None
    settled_date_range: TimeRange | None = None
    group_by: str | None = None
    include_item_description: bool | None = None
    locale: str | None = None
    from_record: int | None = None
    record_count: int | None = None


class GetAccountFunds(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Parameters of getAccountFunds."""

    wallet: str | None = None


class GetAccountDetails(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Parameters of getAccountDetails: none."""


class GetAccountStatement(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Parameters of getAccountStatement."""

    locale: str | None = None
    from_record: int | None = None
    record_count: int | None = None
    item_date_range: TimeRange | None = None
    include_item: str | None = None
    wallet: str | None = None


class ListCurrencyRates(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Parameters of listCurrencyRates."""

    from_currency: str | None = None


class SendHeartbeat(RequestModel, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Parameters of heartbeat."""

    preferred_timeout_seconds: int
