"""How the output of a case relates to that of the case before, and to itself when it runs again."""

from __future__ import annotations

from perfbench.model import Measurement, OutputDifference, OutputMatch
from perfbench.runner import output_diff


def classify_output(before: Measurement | None, after: Measurement, *, is_program: bool = False) -> OutputMatch:
    """How the output after relates to that before; one that differs from run to run is always different."""
    if after.instability is not None or (before is not None and before.instability is not None):
        return OutputMatch.DIFFERENT
    difference = find_difference(after, before)
    if difference is not None:
        return OutputMatch.KNOWN_CHANGES if difference.changes else OutputMatch.DIFFERENT
    if before is None or after.output is None or before.output is None:
        return OutputMatch.NOT_COMPARED
    if after.floor or before.floor:
        return OutputMatch.FLOOR
    same_mode = after.case.mode == before.case.mode
    equal = output_diff.have_equal_outputs(before.output, after.output, same_mode, is_program=is_program)
    return OutputMatch.SAME if equal else OutputMatch.DIFFERENT


def describe_difference(difference: OutputDifference) -> str:
    """``differs at update 12, field: before → after``."""
    return f"differs at {_format_place(difference)}"


def describe_instability(measurement: Measurement) -> str:
    """``gives other orders from run to run, first at order event 12, field: one → other``; empty if it gives the same."""
    difference = measurement.instability
    if difference is None:
        return ""
    what = "orders" if "order" in difference.item else "output"
    return f"gives other {what} from run to run, first at {_format_place(difference)}"


def _format_place(difference: OutputDifference) -> str:
    values = f": {difference.before} → {difference.after}" if difference.before else ""
    return f"{difference.item} {difference.update:,}, {difference.where}{values}"


def find_difference(measurement: Measurement, before: Measurement | None) -> OutputDifference | None:
    """The recorded difference from the output of the case before; an old document has only that from the baseline."""
    if before is None:
        return None
    own = (difference for difference in measurement.differences if difference.against == before.case.id)
    return next(own, measurement.difference)


def describe_unlocated_difference(label: str, measurement: Measurement, before: Measurement) -> str:
    """The blocks in which the outputs of two runs differ first; their items are not saved."""
    assert before.output is not None
    assert measurement.output is not None
    first, last = output_diff.find_first_block(before.output, measurement.output)
    return (
        f"{label}: the outputs differ, first between update {first + 1:,} and {last + 1:,}; "
        "perfbench compare with two specs names the field"
    )
