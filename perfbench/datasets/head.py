"""Cut a market file to its first lines: a gate needs many short passes rather than a few long ones."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

from perfbench.datasets.inspection import inspect_market
from perfbench.errors import DataProblem
from perfbench.model import Market


def cut_market(market: Market, lines: int, folder: Path) -> Market:
    """The first lines of a market, written into the folder; the market itself if it has no more lines.

    ``PRO-1.170258213`` becomes ``PRO-1.170258213:4000`` and keeps the warnings of the whole file. Raises DataProblem.
    """
    name = f"{market.name}:{lines}"
    path = folder / f"first-{lines}"
    try:
        with Path(market.path).open("rb") as file:
            head = list(islice(file, lines))
            more = file.readline()
        if not more:
            return market
        path.write_bytes(b"".join(head))
    except OSError as error:
        raise DataProblem(
            f"{market.name} cannot be cut ({error.strerror})", hint="free some space or check the file"
        ) from error
    return replace(inspect_market(path, name).market, doubts=market.doubts)
