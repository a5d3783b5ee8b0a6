"""Known changes of the content of books between releases and readers, and how to revert them.

Each was identified by comparing the outputs of consecutive releases on real files, field by field. Between 2.12.1 and 2.24.0 no
field differs. Reverting gives both sides the form of the older release, or removes the field if the older one has none.
"""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, List

from perfbench import Change

NOTHING: FrozenSet[str] = frozenset()

UNIQUE_ID = "unique id"
RAW_UPDATE = "raw update"
SNAP = "snap"
ORDER = "runner order"
ALL_RUNNERS = "runners without prices"
SP_SIDES = "SP sides"
RAW_ORDER = "order within the raw update"
TOTAL_MATCHED = "total matched"
TIME_ZONE = "time zone"
BETFAIR_DATA_MESSAGE = "betfair-data message fields"
SMOOTHCINF_MESSAGE = "betfair-data-smoothcinf message fields"
TICKRUSH_MESSAGE = "tickrush message fields"
PARSER_FIELDS = "betfair-parser market fields"
PARSER_ORDER = "betfair-parser runner order"
PARSER_TOTAL = "betfair-parser total matched"

ZONE_TRAIT = "time zone of datetimes"

BFLW = "betfairlightweight"
MESSAGE_FIELDS = ("streaming_update", "streaming_snap", "streaming_unique_id")

CHANGES = [
    Change(
        UNIQUE_ID, BFLW, "1.10.2", ("streaming_unique_id",), "1.10.2 gives lightweight books a streaming_unique_id too"
    ),
    Change(UNIQUE_ID, BFLW, "2.0.1", ("streaming_unique_id",), "2.0.1 numbers streams where 1.10 wrote HISTORICAL"),
    Change(RAW_UPDATE, BFLW, "2.7.0", ("streaming_update",), "2.7.0 adds the raw update to the book"),
    Change(SNAP, BFLW, "2.9.0", ("streaming_snap",), "2.9.0 marks books that are a snap"),
    Change(ORDER, BFLW, "2.12.0", ("runners",), "2.12.0 takes the order of runners from the definition"),
    Change(
        ALL_RUNNERS, BFLW, "2.12.0", ("runners",), "2.12.0 lists every runner of the definition before its first price"
    ),
    Change(
        SP_SIDES,
        BFLW,
        "2.12.0",
        ("sp.back_stake_taken", "sp.lay_liability_taken"),
        "2.12.0 fixes SP back stakes and lay liabilities, which were swapped, and the order of their prices",
    ),
    Change(
        RAW_ORDER,
        BFLW,
        "2.12.0",
        ("streaming_update",),
        "2.12.0 leaves the raw update in the order of the stream and no longer sorts its prices in place",
    ),
    Change(
        TOTAL_MATCHED,
        BFLW,
        "2.12.1",
        ("total_matched", "runners.total_matched"),
        "2.12.1 has 0 instead of None where nothing is matched yet",
    ),
    Change(
        TIME_ZONE,
        BFLW,
        "2.23.0",
        ("every datetime",),
        "2.23.0 gives every datetime the time zone UTC",
        trait=ZONE_TRAIT,
    ),
    Change(
        BETFAIR_DATA_MESSAGE,
        "betfair-data",
        "0.3.4",
        MESSAGE_FIELDS,
        "documents books without the fields of the stream's message",
    ),
    Change(
        SMOOTHCINF_MESSAGE,
        "betfair-data-smoothcinf",
        "0.3.5",
        MESSAGE_FIELDS,
        "documents books without the fields of the stream's message",
    ),
    Change(
        TICKRUSH_MESSAGE,
        "tickrush",
        "0.1.0",
        MESSAGE_FIELDS,
        "documents books without the fields of the stream's message",
    ),
    Change(
        PARSER_FIELDS,
        "betfair-parser",
        "0.20.0",
        (*MESSAGE_FIELDS, "total_matched"),
        "keeps neither the fields of the stream's message nor the amount matched on the market in its cache",
    ),
    Change(PARSER_ORDER, "betfair-parser", "0.20.0", ("runners",), "keeps runners by their id, in no order"),
    Change(
        PARSER_TOTAL,
        "betfair-parser",
        "0.20.0",
        ("runners.total_matched",),
        "has None instead of 0 where nothing is matched on a runner yet",
    ),
]
"""Changes of other readers apply if only one side has that package: the fields missing in its type stubs or in its cache."""

DROPPED = {
    UNIQUE_ID: ["streaminguniqueid"],
    RAW_UPDATE: ["streamingupdate"],
    SNAP: ["streamingsnap"],
    BETFAIR_DATA_MESSAGE: ["streaminguniqueid", "streamingupdate", "streamingsnap"],
    SMOOTHCINF_MESSAGE: ["streaminguniqueid", "streamingupdate", "streamingsnap"],
    TICKRUSH_MESSAGE: ["streaminguniqueid", "streamingupdate", "streamingsnap"],
    PARSER_FIELDS: ["streaminguniqueid", "streamingupdate", "streamingsnap", "totalmatched"],
}
"""Fields of a book that the older release or the other reader lacks, or fills with its own value."""


ORDERS = frozenset([ORDER, PARSER_ORDER])
"""Changes of the order of runners."""

TOTALS = frozenset([TOTAL_MATCHED, PARSER_TOTAL])
"""Changes of the amount where nothing is matched."""


def drop_new_fields(fields: Dict[str, Any], undone: FrozenSet[str]) -> None:
    """Remove the fields that older releases lack from a book, and a total of 0 from a book or runner."""
    for change in DROPPED.keys() & undone:
        for field in DROPPED[change]:
            fields.pop(field, None)
    if undone & TOTALS and fields.get("totalmatched") == 0:
        del fields["totalmatched"]


def with_sorted_prices(update: Dict[str, Any]) -> Dict[str, Any]:
    """A raw update whose lists of prices are sorted; the update itself stays as it is."""
    runners = [
        {key: sorted(value) if isinstance(value, list) else value for key, value in runner.items()}
        for runner in update.get("rc", ())
    ]
    return {**update, "rc": runners} if "rc" in update else update


def sp_sides_as_before(sp: Dict[str, Any]) -> Dict[str, Any]:
    """A runner's SP prices of 2.12.0 or later in the form of earlier releases: swapped, lowest price first."""
    back: List[Any] = sp["backstaketaken"]
    lay: List[Any] = sp["layliabilitytaken"]
    return {**sp, "backstaketaken": sorted(lay), "layliabilitytaken": sorted(back)}
