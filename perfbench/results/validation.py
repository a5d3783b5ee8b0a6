"""Checks of the content of a saved run, beyond its types: numbers that no pass can have come from a damaged file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from perfbench.errors import StorageProblem
from perfbench.model import METRICS, QUEUE_SECONDS, Run, Sample
from perfbench.util.formatting import make_printable

MIN_MAGNITUDE, MAX_MAGNITUDE = 1e-30, 1e30
"""The smallest and largest number other than zero that a pass may report; ratios of numbers beyond would not be finite."""

SHOWN_CHARACTERS = 40


def check_numbers(path: Path, run: Run) -> None:
    """Raises StorageProblem for a sample with an implausible number: a negative time, or one that no machine can measure.

    :param path: named in the error.
    """
    for measurement in run.measurements:
        for sample in measurement.samples:
            for name, value in _find_implausible(sample):
                what = f"{measurement.case.id[:SHOWN_CHARACTERS]} reports {value:g} for {name[:SHOWN_CHARACTERS]}"
                raise StorageProblem(f"{path} is damaged: {make_printable(what)}", hint="measure it again")


def _find_implausible(sample: Sample) -> Iterator[tuple[str, float]]:
    if sample.work < 0:
        yield "work", sample.work
    for name, value in (*sample.metrics.items(), *sample.numbers.items()):
        negative = value < 0 and name in METRICS and name != QUEUE_SECONDS.name  # clocks of two processes
        if negative or (value != 0 and not MIN_MAGNITUDE <= abs(value) <= MAX_MAGNITUDE):
            yield name, value
