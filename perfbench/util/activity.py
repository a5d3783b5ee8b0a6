"""What this process is doing, in a few words: shown where nothing else was printed for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class _Entry:
    """One activity; several threads may have one each, and they end in any order."""

    def __init__(self, text: str) -> None:
        self.text = text


_entries: list[_Entry] = []


@contextmanager
def doing(text: str) -> Iterator[None]:
    """Say what the block does, such as ``unpacking 2025.tar``."""
    entry = _Entry(text)
    _entries.append(entry)
    try:
        yield
    finally:
        _entries.remove(entry)


def describe_activity() -> str:
    """What was begun last and has not ended; empty if there is none."""
    try:
        return _entries[-1].text
    except IndexError:
        return ""
