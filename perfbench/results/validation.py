"""Checks of the content of a saved run, beyond its types: numbers that no pass can have come from a damaged file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from perfbench.errors import StorageProblem
from perfbench.model import METRICS, QUEUE_SECONDS, Run, Sample
from perfbench.util.formatting import make_printable
from perfbench.worker.protocol import is_plausible

SHOWN_CHARACTERS = 40


def check_numbers(path: Path, run: Run) -> None:
    """Raises StorageProblem for a sample with an implausible number: a negative time, or one that no machine can measure.

    :param path: named in the error.
    """
    for measurement in run.measurements:
        for sample in measurement.samples:
            for name, value in _find_implausible(sample):
                what = (
                    f"{measurement.case.id[:SHOWN_CHARACTERS]} reports {_format(value)} for {name[:SHOWN_CHARACTERS]}"
                )
                raise StorageProblem(f"{path} is damaged: {make_printable(what)}", hint="measure it again")


def _find_implausible(sample: Sample) -> Iterator[tuple[str, float]]:
    if sample.work < 0 or not is_plausible(sample.work):
        yield "work", sample.work
    for name, value in (*sample.metrics.items(), *sample.numbers.items()):
        negative = value < 0 and name in METRICS and name != QUEUE_SECONDS.name  # clocks of two processes
        if negative or not is_plausible(value):
            yield name, value


def _format(value: float) -> str:
    """A number in a few characters: whole ones can have more digits than a float."""
    try:
        return f"{value:g}"
    except OverflowError:
        return f"a number of more than {sys.float_info.max_10_exp} digits"
