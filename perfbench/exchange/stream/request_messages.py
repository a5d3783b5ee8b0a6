"""What a client of the stream may say, as frozen values, and how it is refused.

The names are those of Betfair's published schema (ESASwaggerSchema.json of betfair/stream-api-sample-code); what is not in it is
ignored, as the real one does.
"""

from __future__ import annotations

from typing import Any

import msgspec

HEARTBEAT_MS_BOUNDS = (500, 5_000)
CONFLATE_MS_BOUNDS = (0, 120_000)
"""The least and the most; what lies outside is taken for the nearest (Betfair, Exchange Stream API, subscription)."""


class StreamRequestError(Exception):
    """A request that is answered with ``FAILURE``: the code of the schema, what is wrong, and whether the connection ends."""

    def __init__(self, code: str, text: str, *, closes: bool = True, request: int | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.closes = closes
        self.request = request


class MarketFilter(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Which markets; what is None does not matter."""

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

    def fits(self, market: str, definition: dict[str, Any]) -> bool:
        """Whether a market of this id and definition is asked for."""
        if self.market_ids and market not in self.market_ids:
            return False
        for said, name in FLAG_FILTER_FIELDS.items():
            wanted = getattr(self, said)
            if wanted is not None and definition.get(name, False) != wanted:
                return False
        return all(
            not getattr(self, said) or definition.get(name) in getattr(self, said)
            for said, name in LIST_FILTER_FIELDS.items()
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
"""The filter's parts and the fields of a market definition that they are about."""


class MarketDataFilter(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Which fields of the markets, and how many levels of best offers."""

    fields: tuple[str, ...] | None = None
    ladder_levels: int | None = None


class AuthenticationRequest(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="op", tag="authentication"
):
    """Who asks."""

    id: int | None = None
    app_key: str | None = None
    session: str | None = None


class HeartbeatRequest(msgspec.Struct, frozen=True, kw_only=True, tag_field="op", tag="heartbeat"):
    """Are you there?"""

    id: int | None = None


class MarketSubscriptionRequest(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="op", tag="marketSubscription"
):
    """Send markets: from now on, or from where an earlier subscription ended (both clocks)."""

    id: int | None = None
    market_filter: MarketFilter | None = None
    market_data_filter: MarketDataFilter | None = None
    initial_clk: str | None = None
    clk: str | None = None
    conflate_ms: int | None = None
    heartbeat_ms: int | None = None
    segmentation_enabled: bool | None = None


class OrderFilter(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Which orders, and how what was matched is added up."""

    customer_strategy_refs: tuple[str, ...] | None = None
    include_overall_position: bool | None = None
    partition_matched_by_strategy_ref: bool | None = None


class OrderSubscriptionRequest(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="op", tag="orderSubscription"
):
    """Send orders: from now on, or from where an earlier subscription ended."""

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
    """The request that a line is. Raises Refused: INVALID_REQUEST if it is none, INVALID_INPUT for a wrong value in one."""
    try:
        request: StreamRequest = _REQUEST_DECODER.decode(line)
    except msgspec.ValidationError as error:
        of_a_field = "`$." in str(error) and "`$.op`" not in str(error)
        raise StreamRequestError(
            "INVALID_INPUT" if of_a_field else "INVALID_REQUEST", str(error), request=_decode_request_id(line)
        ) from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise StreamRequestError("INVALID_REQUEST", f"not a JSON message: {error}") from error
    return request


def _decode_request_id(line: bytes) -> int | None:
    try:
        number: int | None = _ID_DECODER.decode(line).id  # type: ignore[attr-defined]
    except (msgspec.MsgspecError, RecursionError):
        return None
    return number


def clamp_milliseconds(value: int | None, bounds: tuple[int, int], otherwise: int) -> int:
    """A number of milliseconds, brought into its bounds."""
    least, most = bounds
    return otherwise if value is None else min(max(value, least), most)
