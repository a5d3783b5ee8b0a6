"""Whether a program gives the same output when it runs again: a second check pass with another hash seed."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

from perfbench.errors import TrialFailed
from perfbench.model import CaseGroup, Output, OutputDifference, Result, Trial
from perfbench.runner import output_diff, output_items
from perfbench.runner.trial import Conditions


def compare_repeat(trial: Trial, table: CaseGroup, first: Output, result: Result, conditions: Conditions) -> Result:
    """The result of a second check pass: with the first difference from the ``first`` one, or its failure, else empty."""
    if result.failure is not None:
        message = f"when it ran again: {result.failure.message}"
        return replace(result, failure=replace(result.failure, message=message))
    empty = Result(trial.id, result.case)
    if result.output is None or output_diff.have_equal_outputs(first, result.output, True, is_program=True):
        return empty
    place = _find_place(trial, table, first, result.output, conditions)
    return replace(empty, difference=replace(place, against=result.case))


def _find_place(
    trial: Trial, table: CaseGroup, first: Output, second: Output, conditions: Conditions
) -> OutputDifference:
    """The first difference between two more runs, which are like those of the check passes in their hash seeds alone."""
    (case,) = trial.cases
    span = output_diff.find_first_block(first, second)
    passes = [replace(trial, hash_seed=seed) for seed in (0, trial.hash_seed)]
    try:
        with ExitStack() as ends:
            sides = [output_items.dump_items(again, table, case, span, conditions, ends) for again in passes]
            place = output_items.find_first_item(table, sides)
    except TrialFailed as error:
        return OutputDifference(span[0] + 1, f"the first difference was not found: {error}", "", "", item="item")
    return place or OutputDifference(span[0] + 1, "two further runs were the same", "", "", item="item")
