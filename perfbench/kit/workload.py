"""What a program holds beside its market books: more with every update, what is left of a burst, or nothing."""

from __future__ import annotations

from typing import Any, List

WORKLOADS = ("leak", "fragmentation", "steady")

INTEGERS_PER_KB = 1024 // 40
"""In a list: 8 bytes for the pointer, and 28 for the integer, which Python's allocator rounds up to 32."""

FIRST = 1 << 20
"""The first of the integers; the interpreter shares small ones."""

BURST_AT = 10
"""The update of the burst."""

BURST_INTEGERS = 1_500_000
"""About 60 MB."""

BURST_KEPT = 1_000
"""Every thousandth stays. Python's allocator does not return an arena (at most 1 MiB, 32,768 of them) with one live object."""


class Workload:
    """The objects that a program holds after ``position`` updates; ``update`` continues from there."""

    def __init__(self, name: str, leak_kb: int, position: int) -> None:
        """The objects that belong to the state, without those that a former process leaked.

        :param name: one of ``WORKLOADS``.
        :param leak_kb: what a leak adds at every update.
        """
        self._name = name
        self._leaked = leak_kb * INTEGERS_PER_KB
        self.held: List[Any] = []
        if name == "fragmentation" and position >= BURST_AT:
            self.held = list(range(FIRST, FIRST + BURST_INTEGERS, BURST_KEPT))

    def update(self, position: int) -> None:
        """Allocate, and hold, what the program does at this update."""
        if self._name == "leak":
            self.held.append(list(range(FIRST, FIRST + self._leaked)))
        elif self._name == "fragmentation" and position == BURST_AT:
            burst = list(range(FIRST, FIRST + BURST_INTEGERS))
            self.held = burst[::BURST_KEPT]
