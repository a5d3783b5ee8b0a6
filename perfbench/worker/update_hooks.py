"""Hooks on the updates of a pass, including those that a scenario consumes itself."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Callable, Iterable, Iterator, Optional, TypeVar

Update = TypeVar("Update")


class _UpdateHooks:
    """Numbers the updates of a pass from 0, across the iterables that it reads one after the other."""

    def __init__(self, on_update: Callable[[int], None], on_read: Callable[[int], None]) -> None:
        self.on_update = on_update
        self.on_read = on_read
        self.count = 0

    def iterate(self, updates: Iterable[Any]) -> Iterator[Any]:
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
_counts_handled = False


@contextmanager
def counting_handled() -> Iterator[None]:
    """Inside the context, a program counts the updates that its strategies handle: in a check pass, because it takes time."""
    global _counts_handled  # noqa: PLW0603 - as of the hooks
    before, _counts_handled = _counts_handled, True
    try:
        yield
    finally:
        _counts_handled = before


def counts_handled() -> bool:
    """Whether a program is to count the updates that its strategies handle."""
    return _counts_handled


def observed(updates: Iterable[Update]) -> Iterable[Update]:
    """Mark the updates that a scenario consumes itself; returns the very same object unless the pass is profiled.

    Wrap it around the iterable of a loop, so that a profile can show the progress of the pass. A mode that yields its updates
    does not need it.
    """
    return updates if _active_hooks is None else _active_hooks.iterate(updates)


@contextmanager
def install_update_hooks(
    on_update: Callable[[int], None] = _ignore_update, on_read: Callable[[int], None] = _ignore_update
) -> Iterator[None]:
    """Inside the context, ``on_update`` is called with the number (from 0) of each update, just before it is yielded.

    ``on_read`` is called with the number of the next update before it is read. ``on_update`` is also called with the count at
    the end; with several files in one pass at the end of each, so that the first update of the next file has the same number.
    """
    global _active_hooks  # noqa: PLW0603 - the function that a scenario calls has no other access to them
    before, _active_hooks = _active_hooks, _UpdateHooks(on_update, on_read)
    try:
        yield
    finally:
        _active_hooks = before


def drain_updates(updates: Iterator[Any]) -> int:
    """Iterate over what a mode yields, as a timed pass does, calling the hooks; returns the count.

    For a mode that also uses ``observed``, only the yielded updates are reported.
    """
    global _active_hooks  # noqa: PLW0603
    hooks, _active_hooks = _active_hooks, None
    count = 0
    try:
        for _ in updates if hooks is None else hooks.iterate(updates):
            count += 1
    finally:
        _active_hooks = hooks
    return count
