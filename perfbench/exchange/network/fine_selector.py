"""Selector with a resolution below a millisecond."""

from __future__ import annotations

import selectors
from collections.abc import Mapping
from typing import Any

MAX_SELECTABLE_DESCRIPTOR = 1023
"""Largest file descriptor that ``select`` accepts (FD_SETSIZE - 1)."""


class FineSelector(selectors.BaseSelector):
    """Selector that waits with ``select``, whose resolution is a microsecond.

    The timeouts of epoll and poll are whole milliseconds. They take over while a descriptor is too large for ``select``.
    """

    def __init__(self) -> None:
        self._fine = selectors.SelectSelector()
        self._unlimited = selectors.DefaultSelector()
        self._too_large: set[int] = set()

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = self._unlimited.register(fileobj, events, data)
        self._fine.register(key.fd, events, data)
        if key.fd > MAX_SELECTABLE_DESCRIPTOR:
            self._too_large.add(key.fd)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        key = self._unlimited.unregister(fileobj)
        self._fine.unregister(key.fd)
        self._too_large.discard(key.fd)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = self._unlimited.modify(fileobj, events, data)
        self._fine.modify(key.fd, events, data)
        return key

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self._too_large:
            return self._unlimited.select(timeout)
        ready = self._fine.select(timeout)
        keys = self._unlimited.get_map()
        return [(keys[key.fd], events) for key, events in ready]

    def close(self) -> None:
        self._fine.close()
        self._unlimited.close()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._unlimited.get_map()
