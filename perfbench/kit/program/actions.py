"""Actions of strategies in a simulation: orders that they place, cancel, update or replace, and when."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, contextmanager
from typing import Any, Callable, Dict, Iterator, List, Optional, Set, Tuple

from perfbench.kit.simulation_record import milliseconds

ACTION_NAMES = ("place_order", "cancel_order", "update_order", "replace_order")
"""Methods of flumine's ``Transaction``."""

EXECUTE_POSITION = 1
"""Position of ``execute`` among the arguments of ``place_order`` behind the order; False for the new order of a replaced one."""


class ActionNoter:
    """Notes actions, refused ones included, with the seconds before the scheduled off and after the turn in-play.

    ``books`` are to be shown to ``note_books``, which notes when a market turns in-play.
    """

    def __init__(self) -> None:
        self.earliest: Optional[float] = None
        self.latest: Optional[float] = None
        self.latest_in_play: Optional[float] = None
        self.in_play = 0
        self.in_play_orders = 0
        self.in_play_updates = 0
        self.earliest_update: Optional[float] = None
        self.strategies: Dict[int, int] = Counter()
        self.event_types: Set[str] = set()
        self._in_play_since: Dict[str, int] = {}

    def note_books(self, books: List[Any], is_first: bool) -> None:
        """Note the books of an update; ``is_first``: of the first one of a file."""
        for book in books:
            if getattr(book, "inplay", False):
                self.in_play_updates += 1
                self._in_play_since.setdefault(book.market_id, book.publish_time_epoch)
                break
        if is_first:
            seconds = [read_seconds_to_start(book, milliseconds(book.publish_time)) for book in books]
            self.earliest_update = find_largest([self.earliest_update, *seconds])

    def note_action(self, market: Any, order: Any, is_order: bool) -> None:
        """Note an action on a market at flumine's clock; ``is_order``: it places one."""
        from flumine import config  # noqa: PLC0415 - a program without flumine must not import it

        now = milliseconds(config.current_time)
        book = market.market_book
        self.strategies[id(order.trade.strategy)] += 1
        seconds = read_seconds_to_start(book, now)
        if seconds is not None:
            self.earliest = seconds if self.earliest is None else max(self.earliest, seconds)
            self.latest = seconds if self.latest is None else min(self.latest, seconds)
        self.event_types.add(read_event_type(book))
        if book.inplay and now is not None:
            self.in_play += 1
            self.in_play_orders += is_order
            since = self._in_play_since.get(market.market_id, now)
            self.latest_in_play = find_largest([self.latest_in_play, (now - since) / 1000])

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note all actions inside the context."""
        from flumine.execution.transaction import Transaction  # noqa: PLC0415 - see note_action

        with ExitStack() as patches:
            for name in ACTION_NAMES:
                if hasattr(Transaction, name):
                    patches.callback(setattr, Transaction, name, getattr(Transaction, name))
                    setattr(Transaction, name, self._noted(name, getattr(Transaction, name)))
            yield

    def _noted(self, name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        is_order = name == "place_order"

        def noted_act(transaction: Any, order: Any, *arguments: Any, **keywords: Any) -> Any:
            if not is_order or _is_executed(arguments, keywords):
                self.note_action(transaction.market, order, is_order)
            return act(transaction, order, *arguments, **keywords)

        return noted_act


def _is_executed(arguments: Tuple[Any, ...], keywords: Dict[str, Any]) -> bool:
    """Whether ``place_order`` is an action, and not the second half of a replace."""
    if len(arguments) > EXECUTE_POSITION:
        return bool(arguments[EXECUTE_POSITION])
    return bool(keywords.get("execute", True))


def read_seconds_to_start(book: Any, now: Optional[int]) -> Optional[float]:
    """Seconds from a time in ms to the scheduled off of the market of a book; None if the book does not say it."""
    start = milliseconds(getattr(getattr(book, "market_definition", None), "market_time", None))
    return None if start is None or now is None else (start - now) / 1000


def read_event_type(book: Any) -> str:
    """The event type id of the market of a book; empty if the book does not say it."""
    return str(getattr(getattr(book, "market_definition", None), "event_type_id", None) or "")


def find_largest(values: List[Optional[float]]) -> Optional[float]:
    """The largest of the values that are not None; None if all are."""
    return max((value for value in values if value is not None), default=None)
