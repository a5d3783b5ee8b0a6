"""How fast does betfairlightweight replay a market, and what does each representation of its books cost?"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List

from _bflw import books_fields, patch_with_flumine, replay

from perfbench import canonical, mode, setup

UNIT = "updates"


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


@mode
def patched(market: str, patched_classes: None) -> Iterator[List[Any]]:
    """Books as resource classes with flumine's slotted ones for prices."""
    return replay(market, lightweight=False)


@canonical
def books(update: List[Any], part: Callable[..., Any]) -> List[Dict[str, Any]]:
    """Every field of every book of the update."""
    return books_fields(update, part)
