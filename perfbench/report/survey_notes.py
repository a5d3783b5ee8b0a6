"""Notes of a row of a surveyed corpus: whether the outputs of its batches agree, and the first lines of what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from perfbench.model import Measurement, OutputMatch
from perfbench.report.output_match import classify_output, describe_difference, describe_instability

SHOWN_NOTES = 3
"""Batches whose failure or difference is named in a row; the others are counted."""

OUTPUT_ORDER = (OutputMatch.DIFFERENT, OutputMatch.KNOWN_CHANGES, OutputMatch.FLOOR, OutputMatch.SAME)
"""What a row says of its output: the first that applies to any batch."""

ByBatch = Mapping[str, Measurement]
"""The measurements of one mode and environment, by the batch."""


def compare_batch_outputs(
    before: ByBatch, after: ByBatch, label: str, *, is_program: bool
) -> tuple[OutputMatch, tuple[str, ...]]:
    """Whether the outputs of all batches are the same, and a note for each of the first batches where they differ.

    :param label: of the row.
    """
    matches = {
        name: classify_output(before.get(name), measurement, is_program=is_program)
        for name, measurement in after.items()
    }
    worst = next((match for match in OUTPUT_ORDER if match in matches.values()), OutputMatch.NOT_COMPARED)
    different = [name for name, match in matches.items() if match is OutputMatch.DIFFERENT]
    notes = [f"{label}: {_describe_difference(before.get(name), after[name])}, in {name}" for name in different]
    return worst, shorten_notes(notes, "other output in {} further batches")


def shorten_notes(lines: Sequence[str], rest: str) -> tuple[str, ...]:
    """The first lines, and how many more there are: ``rest`` with their number."""
    further = len(lines) - SHOWN_NOTES
    return (*lines[:SHOWN_NOTES], *([rest.format(further)] if further > 0 else []))


def _describe_difference(before: Measurement | None, after: Measurement) -> str:
    unstable = next((side for side in (before, after) if side is not None and side.instability is not None), None)
    if unstable is not None:
        return describe_instability(unstable)
    difference = next((d for d in after.differences if not d.changes), None)
    return "the outputs differ" if difference is None else describe_difference(difference)
