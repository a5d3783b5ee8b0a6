"""Request messages of the stream, their decoding and their errors.

Names follow Betfair's published schema (ESASwaggerSchema.json of betfair/stream-api-sample-code); unknown keys are
ignored, as the real exchange does.
"""

from __future__ import annotations

from typing import Any

import msgspec

HEARTBEAT_MS_BOUNDS = (500, 5_000)
CONFLATE_MS_BOUNDS = (0, 120_000)
"""Minimum and maximum; values outside are clamped (Betfair, Exchange Stream API, subscription)."""


class StreamRequestError(Exception):
    """Rejected request: error code of the schema, message, and whether the connection is closed.

    Every error but SUBSCRIPTION_LIMIT_EXCEEDED closes it (Betfair, Exchange Stream API, status).
    """

    def __init__(self, code: str, text: str, *, closes_connection: bool = True, request_id: int | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.closes_connection = closes_connection
        self.request_id = request_id


class MarketFilter(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Market filter; None matches everything."""

    market_ids: tuple[str, ...] | None = None
    bsp_market: bool | None = None
    turn_in_play_enabled: bool | None = None
    betting_types: tuple[str, ...] | None = None
    event_type_ids: tuple[str, ...] | None = None
    event_ids: tuple[str, ...] | None = None
    market_types: tuple[str, ...] | None = None
    venues: tuple[str, ...] | None = None
    country_codes: tuple[str, ...] | None = None
    race_types: tuple[str, ...] | None = None

    def matches(self, market_id: str, definition: dict[str, Any]) -> bool:
        """Return whether a market matches the filter."""
        if self.market_ids and market_id not in self.market_ids:
            return False
        for attribute, name in FLAG_FILTER_FIELDS.items():
            expected = getattr(self, attribute)
            if expected is not None and definition.get(name, False) != expected:
                return False
        return all(
            not getattr(self, attribute) or definition.get(name) in getattr(self, attribute)
            for attribute, name in LIST_FILTER_FIELDS.items()
        )


FLAG_FILTER_FIELDS = {"bsp_market": "bspMarket", "turn_in_play_enabled": "turnInPlayEnabled"}
LIST_FILTER_FIELDS = {
    "betting_types": "bettingType",
    "event_type_ids": "eventTypeId",
    "event_ids": "eventId",
    "market_types": "marketType",
    "venues": "venue",
    "country_codes": "countryCode",
    "race_types": "raceType",
}
"""Attributes of the filter, and the keys of a market definition that they match."""


class MarketDataFilter(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Requested fields and number of levels of best offers."""

    fields: tuple[str, ...] | None = None
    ladder_levels: int | None = None


class AuthenticationRequest(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="op", tag="authentication"
):
    """Authentication message."""

    id: int | None = None
    app_key: str | None = None
    session: str | None = None


class HeartbeatRequest(msgspec.Struct, frozen=True, kw_only=True, tag_field="op", tag="heartbeat"):
    """Heartbeat message."""

    id: int | None = None


class MarketSubscriptionRequest(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="op", tag="marketSubscription"
):
    """Market subscription, new or resumed (with both clocks)."""

    id: int | None = None
    market_filter: MarketFilter | None = None
    market_data_filter: MarketDataFilter | None = None
    initial_clk: str | None = None
    clk: str | None = None
    conflate_ms: int | None = None
    heartbeat_ms: int | None = None
    segmentation_enabled: bool | None = None


class OrderFilter(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Strategies to include, and aggregation of matched amounts."""

    customer_strategy_refs: tuple[str, ...] | None = None
    include_overall_position: bool | None = None
    partition_matched_by_strategy_ref: bool | None = None


class OrderSubscriptionRequest(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="op", tag="orderSubscription"
):
    """Order subscription, new or resumed."""

    id: int | None = None
    order_filter: OrderFilter | None = None
    initial_clk: str | None = None
    clk: str | None = None
    conflate_ms: int | None = None
    heartbeat_ms: int | None = None
    segmentation_enabled: bool | None = None


StreamRequest = AuthenticationRequest | HeartbeatRequest | MarketSubscriptionRequest | OrderSubscriptionRequest

_REQUEST_DECODER = msgspec.json.Decoder(StreamRequest)
_ID_DECODER = msgspec.json.Decoder(msgspec.defstruct("OnlyId", [("id", int | None, None)]))


def decode_request(line: bytes) -> StreamRequest:
    """Decode a request. Raises StreamRequestError: INVALID_INPUT, for whatever cannot be deserialised."""
    try:
        request: StreamRequest = _REQUEST_DECODER.decode(line)
    except msgspec.ValidationError as error:
        raise StreamRequestError("INVALID_INPUT", str(error), request_id=_decode_request_id(line)) from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise StreamRequestError("INVALID_INPUT", f"not a JSON message: {error}") from error
    return request


def _decode_request_id(line: bytes) -> int | None:
    try:
        number: int | None = _ID_DECODER.decode(line).id  # type: ignore[attr-defined]
    except (msgspec.MsgspecError, RecursionError):
        return None
    return number


def clamp_milliseconds(value: int | None, bounds: tuple[int, int], default: int) -> int:
    """Clamp a number of milliseconds to its bounds."""
    minimum, maximum = bounds
    return default if value is None else min(max(value, minimum), maximum)
