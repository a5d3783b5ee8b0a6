"""The VWAP of the last trades for all trades at once: in NumPy, compiled by numba, and in polars.

The answers are an array of hundredths, with nan while a runner has fewer trades than the periods, and for a window without
volume. All sums are of whole numbers in int64.
"""

from __future__ import annotations

import importlib
from contextlib import suppress
from typing import Any, Callable, Iterator, List, NamedTuple, Optional, Tuple

from perfbench import Work

with suppress(ImportError):  # an environment has it only for the modes that need it
    import numpy


class Batch(NamedTuple):
    """All trades as arrays, in order: the numbers of their runners, prices and sizes in hundredths."""

    runner: Any
    price: Any
    size: Any


def as_arrays(trades: List[Tuple[int, float, float]]) -> Batch:
    """The trades as arrays of int64, each in one piece."""
    return Batch(*numpy.array(trades, dtype=numpy.int64).T.copy())


def at_once(answers: Any) -> Work:
    """One answer for every trade."""
    return Work(len(answers), output=_without_nan(answers))


def _without_nan(answers: Any) -> Iterator[Optional[float]]:
    for answer in answers.tolist():
        yield answer if answer == answer else None  # noqa: PLR0124 - nan is not equal to itself


def cumulative(batch: Batch, periods: int) -> Any:
    """With the trades of each runner side by side, a window is the difference of two cumulative sums."""
    order = numpy.argsort(batch.runner, kind="stable")
    runner, size = batch.runner[order], batch.size[order]
    end = numpy.arange(1, len(order) + 1)
    first = numpy.searchsorted(runner, runner)
    begin = numpy.maximum(end - periods, first)
    value = _between(batch.price[order] * size, begin, end)
    volume = _between(size, begin, end)
    answers = numpy.full(len(order), numpy.nan)
    numpy.divide(value, volume, where=(volume > 0) & (end - first >= periods), out=answers)
    in_order = numpy.empty_like(answers)
    in_order[order] = answers
    return in_order


def _between(numbers: Any, begin: Any, end: Any) -> Any:
    sums = numpy.concatenate([[0], numpy.cumsum(numbers)])
    return sums[end] - sums[begin]


def compiled_by_numba() -> Callable[[Batch, int], Any]:
    """``rolling`` compiled, and called once."""
    compiled = importlib.import_module("numba").njit(rolling)

    def answers(batch: Batch, periods: int) -> Any:
        return compiled(batch.runner, batch.price, batch.size, batch.runner.max() + 1, periods)

    answers(as_arrays([(0, 100, 100)]), 1)
    return answers


def rolling(runner: Any, price: Any, size: Any, runners: int, periods: int) -> Any:
    """Running sums for each runner over the whole batch, in as much of Python as numba compiles."""
    old_values = numpy.zeros((runners, periods), numpy.int64)
    old_sizes = numpy.zeros((runners, periods), numpy.int64)
    value, volume, count, missing = numpy.zeros((4, runners), numpy.int64)
    missing += periods
    answers = numpy.full(len(runner), numpy.nan)
    for number in range(len(runner)):
        who = runner[number]
        new_value, new_size, place = price[number] * size[number], size[number], count[who]
        value[who] += new_value - old_values[who, place]
        volume[who] += new_size - old_sizes[who, place]
        old_values[who, place], old_sizes[who, place] = new_value, new_size
        count[who] = (place + 1) % periods
        missing[who] = max(0, missing[who] - 1)
        if volume[who] and not missing[who]:
            answers[number] = value[who] / volume[who]
    return answers


def as_frame(batch: Batch) -> Any:
    """Runner, value (price × size) and volume as columns of polars, whose threads have started."""
    polars = importlib.import_module("polars")
    frame = polars.DataFrame({"runner": batch.runner, "value": batch.price * batch.size, "volume": batch.size})
    rolled_by_polars(frame.head(100), 2)
    return frame


def rolled_by_polars(frame: Any, periods: int) -> Any:
    """Rolling sums over each runner."""
    columns = importlib.import_module("polars").col("value", "volume")
    sums = frame.select(columns.rolling_sum(periods, min_samples=periods).over("runner"))
    return (sums["value"] / sums["volume"]).to_numpy()
