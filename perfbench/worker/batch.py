"""A mode on several market files, one after the other, as one pass."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Callable, List, Sequence

from perfbench.worker.scenario_api import ScenarioError, Work
from perfbench.worker.timed_pass import convert_to_work

Call = Callable[[], Any]


def chain_calls(calls: Sequence[Call]) -> Call:
    """One function that runs the mode on every file: its items are those of all files, its work is the sum.

    Metrics that a mode reports are left out: they are those of one file. A single call is returned as it is.
    """
    return calls[0] if len(calls) == 1 else BatchCall(calls)


class BatchCall:
    """The mode on every file of a batch. ``parts``: after a pass, the seconds of each file.

    They are the CPU seconds of the process, which go on only while it runs, or those that the mode reports itself.
    """

    def __init__(self, calls: Sequence[Call]) -> None:
        self._calls = calls
        self.parts: List[float] = []

    def __call__(self) -> Any:
        """Run the mode on the first file, or on all of them where it yields nothing."""
        self.parts = []
        start = time.process_time_ns()
        first = self._calls[0]()
        if isinstance(first, Iterator):
            return self._iterate(first, start)
        works = [convert_to_work(first)]
        start = self._end_file(start)
        for call in self._calls[1:]:
            works.append(convert_to_work(call()))
            start = self._end_file(start)
        seconds = [work.seconds for work in works if work.seconds is not None]
        if len(seconds) == len(works):
            self.parts = seconds
        outputs = [work.output for work in works]
        return Work(
            sum(work.amount for work in works),
            seconds=sum(seconds) if len(seconds) == len(works) else None,
            output=None if None in outputs else _iterate_outputs(outputs),
            per_unit=all(work.per_unit for work in works),
        )

    def _iterate(self, first: Iterator[Any], start: int) -> Iterator[Any]:
        yield from first
        start = self._end_file(start)
        for call in self._calls[1:]:
            outcome = call()
            if not isinstance(outcome, Iterator):
                raise ScenarioError("a mode yielded items for one market file and returned an amount for another")
            yield from outcome
            start = self._end_file(start)

    def _end_file(self, start: int) -> int:
        """Note the seconds since the start of a file (nanoseconds of the process); returns the start of the next."""
        end = time.process_time_ns()
        self.parts.append((end - start) / 1e9)
        return end


def _iterate_outputs(outputs: List[Any]) -> Iterator[Any]:
    for output in outputs:
        yield from output
