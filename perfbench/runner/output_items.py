"""Items of the output of a case in full, from passes that write them out, and the first item in which two outputs differ."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

from perfbench.model import Case, CaseGroup, OutputDifference, Trial
from perfbench.runner import output_diff
from perfbench.runner.output_diff import MISSING
from perfbench.runner.trial import Conditions, build_request, start_worker
from perfbench.worker.protocol import OutputItem

CHECK_TIMEOUT_FACTOR = 10
"""Timeout factor of a check pass, which writes out every book."""

PROGRAM_TIMEOUT_FACTOR = 2
"""Timeout factor of the check pass of a program, which writes out its orders alone."""


def compute_check_timeout(table: CaseGroup, conditions: Conditions) -> float:
    """Seconds for a pass that writes out the items of a case."""
    return conditions.timeout * (PROGRAM_TIMEOUT_FACTOR if table.scenario.program else CHECK_TIMEOUT_FACTOR)


def dump_items(
    trial: Trial,
    table: CaseGroup,
    case: Case,
    span: tuple[int, int],
    conditions: Conditions,
    ends: ExitStack,
    undone: Sequence[str] = (),
) -> Iterator[OutputItem]:
    """The items of a case in full, as a worker writes them out. Raises TrialFailed.

    :param span: the numbers of the first and the last item, from 0.
    :param ends: ends the worker. :param undone: the known changes to revert.
    """
    request = replace(
        build_request("dump", table, case), first=span[0], last=span[1], undone=[list(undone)] if undone else []
    )
    worker = start_worker(table, case, request, trial, compute_check_timeout(table, conditions))
    return ends.enter_context(worker).answers(OutputItem)


def find_first_item(table: CaseGroup, sides: Sequence[Iterator[OutputItem]]) -> OutputDifference | None:
    """The first item in which two outputs differ, or that only one of them has; None if there is none. Raises TrialFailed."""
    for items in itertools.zip_longest(*sides):
        place = output_diff.find_first_place(*(MISSING if item is None else item.value for item in items))
        if place is not None:
            shown = next(item for item in items if item is not None)
            name = output_diff.name_item(shown.value) if table.scenario.program else "update"
            return OutputDifference(shown.number + 1, *place, item=name)
    return None
