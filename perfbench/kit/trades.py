"""Trades of a market file as plain numbers, for the scenarios about calculation, caches and databases.

The stream's ``trd`` sizes are cumulative for each price and not trades, and are sometimes corrected downwards. A trade here is
an increase of such a size. Prices and sizes are whole hundredths: their sums are exact in any order.
"""

from __future__ import annotations

import json
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Tuple, TypeVar

from perfbench import NotAvailable

Item = TypeVar("Item")

HUNDREDTHS = 100


class Trade(NamedTuple):
    """An increase of a traded size. ``published`` in ms since 1970, ``price`` and ``size`` in hundredths.

    ``sequence`` counts from 0 in the order of the file: many trades share market and time, so only this order is total.
    """

    sequence: int
    market: str
    runner: int
    published: int
    price: int
    size: int


def trades(market: str) -> List[Trade]:
    """Every trade of a stream file, in its order. Raises NotAvailable for a file without any, such as a BASIC one."""
    result = [Trade(number, *rest) for number, rest in enumerate(_increases(market))]
    if not result:
        raise NotAvailable("{} has no traded volume (trd): choose a PRO or ADVANCED file".format(Path(market).name))
    return result


def _increases(market: str) -> Iterator[Tuple[str, int, int, int, int]]:
    sizes: Dict[Tuple[str, int, float, float], float] = {}
    for published, change in changes(market):
        for runner in change.get("rc", ()):
            for price, size in runner.get("trd", ()):
                key = (change["id"], runner["id"], runner.get("hc", 0), price)
                increase = round((size - sizes.get(key, 0.0)) * HUNDREDTHS)
                sizes[key] = size
                if increase > 0:
                    yield change["id"], runner["id"], published, round(price * HUNDREDTHS), increase


def last_prices(market: str) -> List[Tuple[int, int]]:
    """Every last traded price (``ltp``) of a stream file as runner and hundredths, in order. Raises NotAvailable without any."""
    prices = [
        (runner["id"], round(runner["ltp"] * HUNDREDTHS))
        for _, change in changes(market)
        for runner in change.get("rc", ())
        if runner.get("ltp")
    ]
    if not prices:
        raise NotAvailable("{} has no traded prices (ltp): choose another file".format(Path(market).name))
    return prices


def changes(market: str) -> Iterator[Tuple[int, Dict[str, Any]]]:
    """The time (ms since 1970) and the content of every market change of a stream file."""
    with open(market, encoding="utf-8") as lines:
        for line in lines:
            message = json.loads(line)
            for change in message.get("mc", ()):
                yield message["pt"], change


def repeated(items: Iterable[Item], amount: int) -> List[Item]:
    """The first ``amount`` items of these, repeated as often as necessary."""
    return list(islice(cycle(items), amount))
