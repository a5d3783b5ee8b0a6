"""A mode on several market files, one after the other, as one pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable, List, Sequence

from perfbench.worker.scenario_api import ScenarioError, Work
from perfbench.worker.timed_pass import convert_to_work

Call = Callable[[], Any]


def chain_calls(calls: Sequence[Call]) -> Call:
    """One function that runs the mode on every file: its items are those of all files, its work is the sum.

    Metrics that a mode reports are left out: they are those of one file. A single call is returned as it is.
    """
    return calls[0] if len(calls) == 1 else lambda: _run_all(calls)


def _run_all(calls: Sequence[Call]) -> Any:
    first = calls[0]()
    if isinstance(first, Iterator):
        return _iterate_all(first, calls[1:])
    works = [convert_to_work(first), *(convert_to_work(call()) for call in calls[1:])]
    outputs = [work.output for work in works]
    seconds = [work.seconds for work in works]
    return Work(
        sum(work.amount for work in works),
        seconds=None if None in seconds else sum(filter(None, seconds)),
        output=None if None in outputs else _iterate_outputs(outputs),
    )


def _iterate_all(first: Iterator[Any], others: Sequence[Call]) -> Iterator[Any]:
    yield from first
    for call in others:
        outcome = call()
        if not isinstance(outcome, Iterator):
            raise ScenarioError("a mode yielded items for one market file and returned an amount for another")
        yield from outcome


def _iterate_outputs(outputs: List[Any]) -> Iterator[Any]:
    for output in outputs:
        yield from output
