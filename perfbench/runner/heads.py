"""Groups of cases on the first lines of their markets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from perfbench.datasets import head
from perfbench.model import CaseGroup, Market

SMOKE_LINES = 2000
"""Lines that ``--quick`` replays where a scenario says nothing else: a pass of the slowest mode takes about a second."""


def move_to_market(table: CaseGroup, market: Market) -> CaseGroup:
    """The same comparison on another market."""
    moved = {case: replace(case, data=market.name) for case in table.cases}
    places = tuple(replace(place, case=moved[place.case]) for place in table.places)
    return replace(
        table, market=market, places=places, duets=tuple((moved[before], moved[after]) for before, after in table.duets)
    )


def cut_for_smoke_run(tables: Sequence[CaseGroup], folder: Path) -> list[CaseGroup]:
    """The groups of a smoke run: scenarios replay the first lines of each market, those with small parameters as many as they say.

    A program replays whole markets: what it asks for may begin later.

    :param folder: for the cut files. Raises DataProblem for a market that cannot be cut.
    """
    heads: dict[tuple[str, int], Market] = {}
    groups = []
    for table in tables:
        lines = table.scenario.quick_lines or (0 if table.scenario.quick else SMOKE_LINES)
        if table.market is None or table.scenario.program or not lines:
            groups.append(table)
            continue
        key = table.market.name, lines
        if key not in heads:
            own = folder / f"smoke-{len(heads)}"
            own.mkdir()
            heads[key] = head.cut_market(table.market, lines, own)
        groups.append(move_to_market(table, heads[key]))
    return groups


def list_markets(tables: Sequence[CaseGroup]) -> list[Market]:
    """The markets of the groups, each once."""
    return list(dict.fromkeys(table.market for table in tables if table.market is not None))
