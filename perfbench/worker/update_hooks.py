"""Let somebody watch the updates that a pass goes through, also those that a scenario consumes itself."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Callable, Iterable, Iterator, Optional, TypeVar

Update = TypeVar("Update")


class _UpdateHooks:
    """Numbers the updates of one pass, from 0, through whatever it reads one after the other."""

    def __init__(self, on_update: Callable[[int], None], on_read: Callable[[int], None]) -> None:
        self.on_update = on_update
        self.on_read = on_read
        self.count = 0

    def over(self, updates: Iterable[Any]) -> Iterator[Any]:
        on_update, on_read = self.on_update, self.on_read
        on_read(self.count)
        for number, update in enumerate(updates, self.count):
            on_update(number)
            self.count = number + 1
            yield update
            on_read(self.count)
        on_update(self.count)


def _ignore_update(_number: int) -> None:
    return None


_active_hooks: Optional[_UpdateHooks] = None


def observed(updates: Iterable[Update]) -> Iterable[Update]:
    """The updates that a scenario is about to consume itself: the very same object, unless somebody watches this pass.

    Wrap it around what a loop of the scenario goes through, so that a profile can tell how far the pass was at any time. A mode
    that yields its updates needs it not.
    """
    return updates if _active_hooks is None else _active_hooks.over(updates)


@contextmanager
def install_update_hooks(
    on_update: Callable[[int], None] = _ignore_update, on_read: Callable[[int], None] = _ignore_update
) -> Iterator[None]:
    """As long as it lasts, ``on_update`` is called with the number (from 0) of each update, just before it is handed on.

    ``on_read`` is called with the number of the update that is wanted next, when all is done with the one before.

    It is called once more with the count when there are no more of them; with several files in one pass at the end of each, so that
    the first update of the next file has the same number again.
    """
    global _active_hooks  # noqa: PLW0603 - what a scenario calls has no other way to know who watches
    before, _active_hooks = _active_hooks, _UpdateHooks(on_update, on_read)
    try:
        yield
    finally:
        _active_hooks = before


def drain_updates(updates: Iterator[Any]) -> int:
    """Go through what a mode yields, as a timed pass does; how many there were. Whoever watches is told of each.

    If the mode uses ``observed`` for what it reads, only what it yields is told.
    """
    global _active_hooks  # noqa: PLW0603
    watching, _active_hooks = _active_hooks, None
    count = 0
    try:
        for _ in updates if watching is None else watching.over(updates):
            count += 1
    finally:
        _active_hooks = watching
    return count
