"""The first lines of a market file: a gate needs many short passes rather than a few long ones, and so does a short time limit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import accumulate, islice, takewhile
from pathlib import Path

from perfbench.datasets.inspection import inspect_market
from perfbench.errors import DataProblem
from perfbench.model import Market


def cut_market(market: Market, lines: int, folder: Path, warning: str = "") -> Market:
    """The first lines of a market, written into the folder; the market itself if it has no more lines.

    ``PRO-1.170258213`` becomes ``PRO-1.170258213:4000`` and keeps the warnings of the whole file, with one more if there is one.

    Raises DataProblem.
    """
    name = f"{market.name}:{lines}"
    path = folder / f"first-{lines}"
    with _cutting(market):
        with Path(market.path).open("rb") as file:
            head = list(islice(file, lines))
            more = file.readline()
        if not more:
            return market
        path.write_bytes(b"".join(head))
    return replace(inspect_market(path, name).market, doubts=(*market.doubts, *filter(None, [warning])))


def measure_size(market: Market) -> int:
    """The bytes of a market file. Raises DataProblem."""
    with _cutting(market):
        return Path(market.path).stat().st_size


def has_more_lines(market: Market, lines: int) -> bool:
    """Whether a market file has more lines than these. Raises DataProblem."""
    with _cutting(market), Path(market.path).open("rb") as file:
        return next(islice(file, lines, None), None) is not None


def count_lines_within(market: Market, size: float) -> int:
    """How many of the first lines of a market have at most this many bytes together. Raises DataProblem."""
    with _cutting(market), Path(market.path).open("rb") as file:
        return sum(1 for _ in takewhile(lambda end: end <= size, accumulate(map(len, file))))


@contextmanager
def _cutting(market: Market) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataProblem(
            f"{market.name} cannot be cut ({error.strerror})", hint="free some space or check the file"
        ) from error
