"""What a gate does before it sees any ratio: cut the market to what a pass needs, and find out what a pair costs."""

from __future__ import annotations

import math
import sys
import time
from dataclasses import replace
from pathlib import Path

from perfbench import datasets, planning, sequential, trials, turns
from perfbench.model import Case, Market, Sample, Settings, Table, Trial
from perfbench.terms import Pairs, Terms
from perfbench.trials import Conditions

WHOLE_BELOW = 0.5
"""Seconds of a pass below which the file stays whole (method.md)."""

SHORTEST_PASS = 0.1
STARTUPS = 2.0
"""A pass takes at least these seconds, and so many times the start-up of its worker (method.md)."""

FIRST_LINES = 1000
PROBES = 5
NEARLY = 0.8
"""A cut whose pass takes this share of what is wanted is good enough."""

PILOTS = 2
"""Pairs that tell the cost, after one that is thrown away (method.md)."""


def prepare(tables: list[Table], settings: Settings, conditions: Conditions, folder: Path) -> tuple[list[Table], Terms]:
    """The tables with their markets cut, and the terms with the most pairs of each comparison.

    :param folder: for the cut files. Raises DataProblem for a market that cannot be cut.
    """
    terms = settings.gate or Terms()
    cut, pairs = [], []
    for number, table in enumerate(tables):
        own = folder / f"cut-{number}"
        own.mkdir()
        fitting = _fitting(table, settings, conditions, own)
        cut.append(fitting)
        (before, after), *_ = fitting.duets
        cost = _cost(fitting, settings, conditions)
        most = math.floor(terms.seconds / cost) if cost > 0 else 0
        pairs.append(Pairs(before.id, after.id, sequential.looks(most)[-1], cost))
    return cut, replace(terms, pairs=tuple(pairs))


def _fitting(table: Table, settings: Settings, conditions: Conditions, folder: Path) -> Table:
    """The table on so many first lines that a pass is as long as it should be. A side that fails does so when it is measured."""
    if table.market is None or (settings.gate or Terms()).whole:
        return table
    lines, whole_is_long = FIRST_LINES, False
    for _ in range(PROBES):
        market = datasets.first_lines(table.market, lines, folder)
        tried = _on(table, market)
        known = [_pass(tried, case, settings, conditions) for case in tried.cases]
        passes = [sample for sample in known if sample is not None]
        if len(passes) < len(known):
            return tried
        seconds = min(sample.metrics[tried.scenario.metric] for sample in passes)
        wanted = max(SHORTEST_PASS, *(STARTUPS * sample.metrics["startup_seconds"] for sample in passes))
        whole = market is table.market
        if whole and seconds < WHOLE_BELOW:
            return tried
        whole_is_long |= whole
        if (
            not whole
            and seconds >= NEARLY * wanted
            and (whole_is_long or seconds * table.market.updates / market.updates > WHOLE_BELOW)
        ):
            return tried
        # The first lines of a market are cheap: only the whole file tells what the whole file takes.
        short = not whole_is_long and seconds * table.market.updates / market.updates < WHOLE_BELOW
        lines = sys.maxsize if short else math.ceil(market.updates * wanted / seconds)
    return tried


def _on(table: Table, market: Market) -> Table:
    """The same comparison on another market."""
    moved = {case: replace(case, data=market.name) for case in table.cases}
    places = tuple(replace(place, case=moved[place.case]) for place in table.places)
    return replace(
        table, market=market, places=places, duets=tuple((moved[before], moved[after]) for before, after in table.duets)
    )


def _pass(table: Table, case: Case, settings: Settings, conditions: Conditions) -> Sample | None:
    trial = Trial("alone", -1, (case,), 1 + settings.seed % planning.LARGEST_HASH_SEED)
    (result,) = trials.execute(trial, table, conditions)
    return result.sample


def _cost(table: Table, settings: Settings, conditions: Conditions) -> float:
    """The seconds that a pair takes, from start to end; 0 if no pair can be made."""
    in_turn = conditions.core is None
    sides = [_pass(table, case, settings, conditions) for case in table.cases]
    if any(side is None for side in sides):
        return 0.0
    spent = []
    for number in range(1 + PILOTS):
        trial = planning.pilot(table, number, settings)
        by_case = dict(zip(table.cases, sides, strict=True))
        seconds = [by_case[case].metrics["cpu_seconds"] for case in trial.cases]  # type: ignore[union-attr]
        start = time.monotonic()
        results = list(trials.execute(trial, table, conditions, in_turn=in_turn, parts=turns.arrange(*seconds)))
        spent.append(time.monotonic() - start)
        if any(result.failure is not None for result in results):
            return 0.0
    return sum(spent[1:]) / PILOTS
