"""The market cache of betfair_parser: a replay, its best prices, and its books with betfairlightweight's field names.

The cache keeps prices in dicts, in the order in which they came, and one ladder for each kind of level. For the check the ladder
that betfairlightweight shows of several is taken, and sorted as there; nothing is added.

betfair_parser 0.20 and 0.21 refuse a message with a field that they do not know, such as ``_stream_id`` in recordings of flumine,
and overlook an amount or a price that the stream sets to 0, as it does with the amount matched on a removed runner.
"""

from __future__ import annotations

import importlib
from enum import Enum
from typing import Any, Dict, Iterator, List, Tuple

from perfbench.kit.best_prices import EMPTY, Best

BOOK_FIELDS = (
    "bet_delay",
    "bsp_reconciled",
    "complete",
    "cross_matching",
    "number_of_active_runners",
    "number_of_winners",
    "price_ladder_definition",
    "runners_voidable",
    "status",
    "version",
)
"""Fields of a market definition that a market book has too; betfairlightweight takes them from there as well."""

NUMBERED = ("event_id", "event_type_id")
"""Numbers in a definition of betfair_parser, strings in the stream."""


def parser_messages(reader: Any, market: str) -> Iterator[Tuple[Any, Any]]:
    """Every message with market changes, and the cache after it: the same object each time."""
    cache = reader.cache.MarketSubscriptionCache()
    decode, market_message = reader.spec.streaming.stream_decode, reader.spec.streaming.MCM
    with open(market, "rb") as lines:
        for line in lines:
            message = decode(line)
            if isinstance(message, market_message):
                cache.update(message)
                if message.mc:
                    yield message, cache


def import_parser() -> Any:
    """betfair_parser with the parts that a replay needs, imported."""
    importlib.import_module("betfair_parser.cache")
    importlib.import_module("betfair_parser.spec.streaming")
    return importlib.import_module("betfair_parser")


def of_messages(update: Tuple[Any, Any]) -> List[Best]:
    """The best prices of every runner of the markets that a message changed, by the method of the cache."""
    message, cache = update
    prices: List[Best] = []
    for change in message.mc:
        ladders = cache.order_book[change.id]
        for runner in cache.definitions[change.id].runners:
            ladder = ladders.get((runner.id, runner.hc or 0.0))
            best = ladder.best_prices() if ladder else NO_PRICES
            prices.append((*(best[:2] if best[0] else EMPTY), *(best[2:] if best[2] else EMPTY)))
    return prices


NO_PRICES = (0.0, 0.0, 0.0, 0.0)
"""What betfair_parser gives for a runner without prices."""


def parser_books(message: Any, cache: Any) -> List[Dict[str, Any]]:
    """The books of the markets that a message changed, as dicts with betfairlightweight's field names."""
    return [_book(change.id, cache) for change in message.mc]


def _book(market: str, cache: Any) -> Dict[str, Any]:
    definition = _in_depth(cache.definitions[market])
    for name in NUMBERED:
        definition[name] = str(definition[name])
    ladders = cache.order_book[market]
    runners = [_runner(runner, ladders.get((runner["id"], runner["hc"] or 0.0))) for runner in definition["runners"]]
    return {
        **{name: definition[name] for name in BOOK_FIELDS},
        "market_id": market,
        "publish_time": cache.publish_time,
        "inplay": definition["in_play"],
        "number_of_runners": len(runners),
        "runners": runners,
        "marketDefinition": definition,
    }


def _runner(definition: Dict[str, Any], ladder: Any) -> Dict[str, Any]:
    runner = {
        "selection_id": definition["id"],
        "handicap": definition["hc"] or 0,
        "status": definition["status"],
        "adjustment_factor": definition["adjustment_factor"],
        "removal_date": definition["removal_date"],
        "last_price_traded": ladder.last_traded_price if ladder else None,
        "total_matched": ladder.total_volume if ladder else None,
        "ex": {"traded_volume": [], "available_to_back": [], "available_to_lay": []},
        "sp": {"back_stake_taken": [], "lay_liability_taken": [], "actual_sp": definition["bsp"]},
    }
    if ladder:
        runner["ex"] = {
            "traded_volume": _entries(ladder.traded),
            "available_to_back": _best_known(ladder, "available_to_back", highest_first=True),
            "available_to_lay": _best_known(ladder, "available_to_lay", highest_first=False),
        }
        runner["sp"].update(
            near_price=ladder.starting_price_near,
            far_price=ladder.starting_price_far,
            back_stake_taken=_entries(ladder.starting_price_lay),
            lay_liability_taken=_entries(ladder.starting_price_back, highest_first=True),
        )
    return runner


def _best_known(ladder: Any, side: str, *, highest_first: bool) -> List[Dict[str, float]]:
    """Full depth if the stream has it, else the levels with virtual prices, else those without."""
    if prices := getattr(ladder, side):
        return _entries(prices, highest_first=highest_first)
    levels = getattr(ladder, "best_display_" + side) or getattr(ladder, "best_" + side)
    return [{"price": level.price, "size": level.volume} for _, level in sorted(levels.items())]


def _entries(prices: Dict[float, float], *, highest_first: bool = False) -> List[Dict[str, float]]:
    return [{"price": price, "size": size} for price, size in sorted(prices.items(), reverse=highest_first)]


def _in_depth(thing: Any) -> Any:
    """A struct of betfair_parser as plain dicts and lists."""
    if isinstance(thing, list):
        return [_in_depth(item) for item in thing]
    if isinstance(thing, Enum):
        return thing.value
    if hasattr(thing, "__struct_fields__"):
        return {name: _in_depth(getattr(thing, name)) for name in thing.__struct_fields__}
    return thing
