"""How fast does betfairlightweight replay a market, and what does each representation of its books cost?"""

from __future__ import annotations

from typing import Any, Callable, Dict, FrozenSet, Iterator, List

from _bflw import books_fields, patch_with_flumine, replay, time_zone
from _changes import CHANGES, ZONE_TRAIT

from perfbench import Claim, canonical, mode, setup

UNIT = "updates"

TRAITS = {ZONE_TRAIT: time_zone}

__all__ = ["CHANGES"]


def _claim(before: str, seconds_before: float, after: str, seconds_after: float) -> Claim:
    source = "betfairlightweight 2.12.0 release notes: {:.3f}s → {:.3f}s".format(seconds_before, seconds_after)
    before, after = "{}@betfairlightweight==2.11.2".format(before), "{}@betfairlightweight==2.12.0".format(after)
    return Claim(before, after, seconds_before / seconds_after, source)


CLAIMS = [
    _claim("lightweight", 6.860, "lightweight", 2.998),
    _claim("full", 36.005, "full", 10.625),
    _claim("patched", 13.896, "patched", 5.005),
    _claim("lightweight", 6.860, "patched", 5.005),
]


@mode(baseline=True)
def lightweight(market: str) -> Iterator[List[Any]]:
    """Books as plain dicts (StreamListener(lightweight=True))."""
    return replay(market, lightweight=True)


@mode
def full(market: str) -> Iterator[List[Any]]:
    """Books as the library's resource classes, its default."""
    return replay(market, lightweight=False)


@setup
def patched_classes() -> None:
    """flumine's faster classes in place of the library's own."""
    patch_with_flumine()


@mode(needs=["flumine --no-deps"])
def patched(market: str, patched_classes: None) -> Iterator[List[Any]]:
    """Books as resource classes with flumine's slotted ones for prices."""
    return replay(market, lightweight=False)


@canonical
def books(update: List[Any], part: Callable[..., Any], undone: FrozenSet[str]) -> List[Dict[str, Any]]:
    """Every field of every book of the update."""
    return books_fields(update, part, undone)
