"""Field tables of the messages that a stream sends, written from the public specification of the Exchange Stream API.

Sources: ESASwaggerSchema.json of betfair/stream-api-sample-code, and the pages of the Exchange Stream API for what came
later (connectionsAvailable, status, smc, cd, ld, lsrc, rfo, rfs, line markets, betDelayModels). A field that is unchanged
or unknown is absent: it is never null.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any], str]
"""Says what is wrong with a value; nothing for a valid one."""


def of_type(*kinds: type) -> Check:
    def check(value: Any) -> str:
        if isinstance(value, bool) and bool not in kinds:
            return f"{value!r} is a boolean"
        if isinstance(value, float) and not math.isfinite(value):
            return f"{value!r} is no number of JSON"
        return "" if isinstance(value, kinds) else f"{value!r} is not {' or '.join(kind.__name__ for kind in kinds)}"

    return check


def one_of(*values: object) -> Check:
    return lambda value: "" if value in values and not isinstance(value, float) else f"{value!r} is not one of {values}"


def matching(pattern: str) -> Check:
    return lambda value: (
        "" if isinstance(value, str) and re.fullmatch(pattern, value) else f"{value!r} is not {pattern}"
    )


def between(least: int, most: int) -> Check:
    return lambda value: of_type(int)(value) or ("" if least <= value <= most else f"{value} is out of bounds")


def list_of(item: Check) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, list):
            return f"{value!r} is no list"
        return next((f"[{number}]{wrong}" for number, entry in enumerate(value) if (wrong := item(entry))), "")

    return check


def object_of(fields: Mapping[str, Check], *required: str) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, dict):
            return f"{value!r} is no object"
        if missing := [name for name in required if name not in value]:
            return f" has no {missing[0]}"
        if unknown := sorted(value.keys() - fields.keys()):
            return f" has the unknown field {unknown[0]}"
        return next((f".{name}: {wrong}" for name, entry in value.items() if (wrong := fields[name](entry))), "")

    return check


def ladder(width: int, *, levels: bool = False) -> Check:
    def check(value: Any) -> str:
        wrong = list_of(list_of(NUMBER))(value)
        if wrong:
            return wrong
        for entry in value:
            if len(entry) != width or entry[-1] < 0:
                return f"{entry} is no entry of {width}"
            if levels and (entry[0] not in range(10) or (entry[-1] == 0) != (entry[1] == 0)):
                return f"{entry} is no level"
            if not levels and entry[0] <= 1:
                return f"{entry} has no price"
        keys = [entry[0] for entry in value]
        return "" if len(keys) == len(set(keys)) else f"{value} has the same key twice"

    return check


TEXT, NUMBER, INTEGER, FLAG = of_type(str), of_type(int, float), of_type(int), of_type(bool)
TIME = matching(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
MILLISECONDS = between(946_684_800_000, 4_102_444_800_000)
"""Milliseconds since 1970, between the years 2000 and 2100."""

TRUE = one_of(True)

RUNNER_DEFINITION = object_of(
    {
        "id": INTEGER,
        "hc": NUMBER,
        "sortPriority": INTEGER,
        "status": one_of("ACTIVE", "WINNER", "LOSER", "REMOVED", "REMOVED_VACANT", "HIDDEN", "PLACED"),
        "adjustmentFactor": NUMBER,
        "removalDate": TIME,
        "bsp": NUMBER,
        "name": TEXT,  # of historical files; the live stream has no names
    },
    "id",
    "status",
)
MARKET_DEFINITION = object_of(
    {
        **dict.fromkeys(
            (
                "bspMarket",
                "turnInPlayEnabled",
                "persistenceEnabled",
                "bspReconciled",
                "complete",
                "inPlay",
                "crossMatching",
                "runnersVoidable",
                "discountAllowed",
            ),
            FLAG,
        ),
        **dict.fromkeys(("marketTime", "suspendTime", "settledTime", "openDate"), TIME),
        **dict.fromkeys(("eventId", "eventTypeId", "marketType", "venue", "countryCode", "timezone", "raceType"), TEXT),
        **dict.fromkeys(("marketBaseRate", "eachWayDivisor", "lineMaxUnit", "lineMinUnit", "lineInterval"), NUMBER),
        **dict.fromkeys(("numberOfWinners", "numberOfActiveRunners", "betDelay", "version"), INTEGER),
        **dict.fromkeys(("name", "eventName"), TEXT),  # of historical files; the live stream has no names
        "regulators": list_of(TEXT),
        "betDelayModels": list_of(TEXT),
        "bettingType": one_of("ODDS", "LINE", "RANGE", "ASIAN_HANDICAP_DOUBLE_LINE", "ASIAN_HANDICAP_SINGLE_LINE"),
        "status": one_of("INACTIVE", "OPEN", "SUSPENDED", "CLOSED"),
        "suspendReason": TEXT,
        "priceLadderDefinition": object_of({"type": one_of("CLASSIC", "FINEST", "LINE_RANGE")}, "type"),
        "keyLineDefinition": object_of({"kl": list_of(object_of({"id": INTEGER, "hc": NUMBER}))}),
        "runners": list_of(RUNNER_DEFINITION),
    },
    "status",
    "marketTime",
    "runners",
)
RUNNER_CHANGE = object_of(
    {
        "id": INTEGER,
        "hc": NUMBER,
        **dict.fromkeys(("atb", "atl", "trd", "spb", "spl"), ladder(2)),
        **dict.fromkeys(("batb", "batl", "bdatb", "bdatl"), ladder(3, levels=True)),
        **dict.fromkeys(("tv", "ltp", "spn", "spf"), of_type(int, float, str)),  # spn and spf may be "NaN"
    },
    "id",
)
MARKET_CHANGE = object_of(
    {
        "id": matching(r"\d+\.\d+"),
        "img": TRUE,
        "con": TRUE,
        "tv": NUMBER,
        "marketDefinition": MARKET_DEFINITION,
        "rc": list_of(RUNNER_CHANGE),
    },
    "id",
)
MATCHED = {"mb": ladder(2), "ml": ladder(2)}
ORDER = object_of(
    {
        "id": matching(r"\d+"),
        "p": NUMBER,
        "s": NUMBER,
        "bsp": NUMBER,
        "side": one_of("B", "L"),
        "status": one_of("E", "EC"),
        "pt": one_of("L", "P", "MOC"),
        "ot": one_of("L", "LOC", "MOC"),
        **dict.fromkeys(("pd", "md", "cd", "ld"), MILLISECONDS),
        **dict.fromkeys(("avp", "sm", "sr", "sl", "sc", "sv"), NUMBER),
        "rac": TEXT,
        "rc": matching("REG_[A-Z]+"),
        "rfo": TEXT,
        "rfs": TEXT,
        "lsrc": one_of(
            "MKT_UNKNOWN",
            "MKT_INVALID",
            "RNR_UNKNOWN",
            "TIME_ELAPSED",
            "CURRENCY_UNKNOWN",
            "PRICE_INVALID",
            "MKT_SUSPENDED",
            "MKT_VERSION",
            "LINE_TARGET",
            "LINE_SP",
            "SP_IN_PLAY",
            "SMALL_STAKE",
            "PRICE_IMP_TOO_LARGE",
        ),
    },
    *("id", "p", "s", "side", "status", "pt", "ot", "pd", "sm", "sr", "sl", "sc", "sv", "rc"),
)


def strategy_changes(value: Any) -> str:
    if not isinstance(value, dict):
        return f"{value!r} is no object"
    return next((f".{ref}{wrong}" for ref, entry in value.items() if (wrong := object_of(MATCHED)(entry))), "")


ORDER_RUNNER_CHANGE = object_of(
    {"id": INTEGER, "hc": NUMBER, "fullImage": TRUE, "uo": list_of(ORDER), "smc": strategy_changes, **MATCHED}, "id"
)
ORDER_MARKET_CHANGE = object_of(
    {
        "id": matching(r"\d+\.\d+"),
        "accountId": INTEGER,
        "closed": TRUE,
        "fullImage": TRUE,
        "orc": list_of(ORDER_RUNNER_CHANGE),
    },
    "id",
)
CHANGE_MESSAGE: dict[str, Check] = {
    "op": TEXT,
    "id": INTEGER,
    "ct": one_of("SUB_IMAGE", "RESUB_DELTA", "HEARTBEAT"),
    "clk": TEXT,
    "initialClk": TEXT,
    "pt": MILLISECONDS,
    "heartbeatMs": between(500, 30_000),
    "conflateMs": between(0, 180_000),
    "segmentType": one_of("SEG_START", "SEG", "SEG_END"),
    "status": one_of(503),
}
ERROR_CODES = (
    "NO_APP_KEY",
    "INVALID_APP_KEY",
    "NO_SESSION",
    "INVALID_SESSION_INFORMATION",
    "NOT_AUTHORIZED",
    "INVALID_INPUT",
    "INVALID_CLOCK",
    "UNEXPECTED_ERROR",
    "TIMEOUT",
    "SUBSCRIPTION_LIMIT_EXCEEDED",
    "INVALID_REQUEST",
    "CONNECTION_FAILED",
    "MAX_CONNECTION_LIMIT_EXCEEDED",
    "TOO_MANY_REQUESTS",
)
MESSAGES = {
    "connection": object_of({"op": TEXT, "id": INTEGER, "connectionId": TEXT}, "connectionId"),
    "status": object_of(
        {
            "op": TEXT,
            "id": INTEGER,
            "statusCode": one_of("SUCCESS", "FAILURE"),
            "errorCode": one_of(*ERROR_CODES),
            "errorMessage": TEXT,
            "connectionId": TEXT,
            "connectionClosed": FLAG,
            "connectionsAvailable": between(0, 1_000),
        },
        "statusCode",
        "connectionClosed",
    ),
    "mcm": object_of({**CHANGE_MESSAGE, "mc": list_of(MARKET_CHANGE)}, "id", "pt"),
    "ocm": object_of({**CHANGE_MESSAGE, "oc": list_of(ORDER_MARKET_CHANGE)}, "id", "pt"),
}


def find_problem(message: dict[str, Any]) -> str:
    """Say how a message differs from the specification; nothing for one that fits."""
    operation = message.get("op")
    if operation not in MESSAGES:
        return f"unknown operation {operation!r}"
    wrong = MESSAGES[operation](message)
    if wrong:
        return f"{operation}{wrong}"
    return _find_contradiction(message) if operation in ("mcm", "ocm") else _find_status_contradiction(message)


def _find_status_contradiction(message: dict[str, Any]) -> str:
    if message["op"] != "status":
        return ""
    failed = message["statusCode"] == "FAILURE"
    if failed != ("errorCode" in message) or failed != ("errorMessage" in message):
        return "an error code belongs to a failure"
    if failed and message["connectionClosed"] == (message["errorCode"] == "SUBSCRIPTION_LIMIT_EXCEEDED"):
        return "every error but SUBSCRIPTION_LIMIT_EXCEEDED closes the connection"
    if failed and "connectionsAvailable" in message:
        return "connectionsAvailable in a failure"
    return ""


def _find_contradiction(message: dict[str, Any]) -> str:
    kind, segment = message.get("ct"), message.get("segmentType")
    changes = message.get("mc" if message["op"] == "mcm" else "oc")
    is_last = segment in (None, "SEG_END")
    if ("clk" in message) != is_last:
        return "clk belongs to the last segment, and to every message without segments"
    if ("initialClk" in message) != (is_last and kind in ("SUB_IMAGE", "RESUB_DELTA")):
        return "initialClk belongs to the end of an image or of a resumption"
    if kind == "HEARTBEAT" and changes is not None:
        return "a heartbeat with changes"
    if kind is None and not changes:
        return "an update without changes"
    if kind in ("SUB_IMAGE", "RESUB_DELTA") and not {"heartbeatMs", "conflateMs"} <= message.keys():
        return "the intervals are not confirmed"
    if kind not in ("SUB_IMAGE", "RESUB_DELTA") and {"heartbeatMs", "conflateMs", "segmentType"} & message.keys():
        return "intervals and segments belong to the beginning"
    if kind == "SUB_IMAGE" and message["op"] == "mcm" and not all(change.get("img") for change in changes or ()):
        return "an image without img"
    ids = [change["id"] for change in changes or ()]
    return "" if len(ids) == len(set(ids)) else "the same market twice"


def check(message: dict[str, Any]) -> None:
    """Raise AssertionError for a message that does not fit the specification."""
    problem = find_problem(message)
    assert not problem, f"{problem}: {str(message)[:2000]}"
