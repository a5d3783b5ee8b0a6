"""Terminal text of a profile diff: a table whose rows add up to the measured difference."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from perfbench.profiling.diff import DiffBreakdown, FunctionTimeChange
from perfbench.profiling.instructions import functions
from perfbench.profiling.instructions.functions import FunctionCounts
from perfbench.profiling.model import Profile
from perfbench.report.profiles.cpu import format_calls, format_title, wrap_lines
from perfbench.report.text_table import Column, ColumnTable
from perfbench.stats import signed_rank
from perfbench.util import formatting
from perfbench.util.formatting import make_printable
from perfbench.util.seconds import SecondsColumn

MAX_ROWS = 12
NOTHING_TEXT = "no function stands out"
MIN_INTERVAL_PAIRS = signed_rank.count_minimum_pairs(0.95)


def render_profile_diff(
    before: Profile, after: Profile, breakdown: DiffBreakdown, width: int, rows: int = MAX_ROWS
) -> str:
    """The functions behind the difference of two profiles: a table whose rows add up to it."""
    lines = [
        f"{format_title(before.case)} → {after.case.environment}",
        f"  {describe_difference(breakdown)}",
        f"  {describe_method(before, after, breakdown)}",
    ]
    text = wrap_lines(lines, width) + "\n"
    if not breakdown.rows:
        return text + f"  {NOTHING_TEXT}\n"
    return text + build_diff_table(after, breakdown, rows).render(width)


def build_diff_table(after: Profile, breakdown: DiffBreakdown, rows: int = MAX_ROWS) -> ColumnTable:
    """The functions that stand out, all others together, and the whole difference, to which they add up."""
    unit = after.unit.removesuffix("s")
    columns = (
        Column("change"),
        Column("% of it"),
        Column("with callees", optional=1),
        Column(f"calls each {unit}", optional=2),
        Column("what happened", left=True),
    )
    body: list[tuple[str, ...]] = []
    whole = breakdown.difference.seconds
    rest = whole - sum(row.change for row in breakdown.rows[:rows])
    changes = SecondsColumn.of([*(row.change for row in breakdown.rows[:rows]), rest, whole])
    callees = SecondsColumn.of(row.inclusive for row in breakdown.rows[:rows])
    for row in breakdown.rows[:rows]:
        body.append((f"  {make_printable(row.key)}", *_format_row(row, whole, changes, callees)))
        body.extend((make_printable(line), "", "", "", "", "") for line in _describe_callers(row))
    others = f"{len(breakdown.rows) - rows} more stand out" if len(breakdown.rows) > rows else "none stands out"
    body.append(
        ("  all other functions", format_signed_seconds(rest, changes), _format_share(rest, whole), "", "", others)
    )
    body.append(
        ("  the whole difference", format_signed_seconds(whole, changes), _format_share(whole, whole), "", "", "")
    )
    return ColumnTable("  function", columns, tuple(body))


def render_instruction_diff(
    name: str, before: Sequence[FunctionCounts], after: Sequence[FunctionCounts], unit: str, width: int
) -> str:
    """The functions that execute more or less than before, by deterministic counts under the same hash seeds."""
    text = wrap_lines([name, f"  {describe_instruction_diff(before, after, unit)}"], width) + "\n"
    table = build_instruction_table(before, after, unit)
    return text + ("  no function executes more or less\n" if table is None else table.render(width))


def describe_instruction_diff(before: Sequence[FunctionCounts], after: Sequence[FunctionCounts], unit: str) -> str:
    """The instructions of a unit of work before and after, and how they were counted."""
    first_rate, second_rate = _compute_rates(before, after)
    rates = f"{formatting.format_rate(first_rate)} → {formatting.format_rate(second_rate)}"
    counted = f"{rates} instructions each {unit.removesuffix('s')}, {formatting.format_share(second_rate / first_rate)}"
    return f"{counted} · callgrind, the first lines of the market: instructions, not time"


def build_instruction_table(
    before: Sequence[FunctionCounts], after: Sequence[FunctionCounts], unit: str
) -> ColumnTable | None:
    """The functions that execute more or less than before; None where none does."""
    changes = functions.diff_counts(before, after)
    if not changes:
        return None
    each, (first_rate, second_rate) = f"each {unit.removesuffix('s')}", _compute_rates(before, after)
    columns = (
        Column(f"instructions {each}", optional=1),
        Column("change"),
        Column("% of all"),
        Column(f"calls {each}", optional=2),
    )
    body: list[tuple[str, ...]] = []
    for row in changes[:MAX_ROWS]:
        first, second = format_calls(row.calls_before), format_calls(row.calls_after)
        cells = (
            f"  {make_printable(row.function.key)}",
            f"{formatting.format_rate(row.before)} → {formatting.format_rate(row.after)}",
            _format_increase(row.change),
            formatting.format_share(1 + row.change / first_rate),
            first if first == second else f"{first} → {second}",
        )
        body.append(cells)
    rest = second_rate - first_rate - sum(row.change for row in changes[:MAX_ROWS])
    body.append(("  all others", "", _format_increase(rest), formatting.format_share(1 + rest / first_rate), ""))
    return ColumnTable("  function", columns, tuple(body))


def _compute_rates(before: Sequence[FunctionCounts], after: Sequence[FunctionCounts]) -> tuple[float, float]:
    """Instructions of a unit of work on both sides."""
    first, second = (sum(count.total / count.work for count in side) / len(side) for side in (before, after))
    return first, second


def _format_increase(value: float) -> str:
    return f"{'+' if value > 0 else '−'}{formatting.format_rate(abs(value))}"


def describe_difference(breakdown: DiffBreakdown) -> str:
    """The seconds of a pass before and after, and their difference with its interval."""
    difference = breakdown.difference
    finite = math.isfinite(difference.low) and math.isfinite(difference.high)
    interval = (
        f"{format_signed_seconds(difference.low)} to {format_signed_seconds(difference.high)}"
        if finite
        else f"too few pairs for an interval; it needs {MIN_INTERVAL_PAIRS}"
    )
    unpaired = "" if difference.paired else "; the two profiles were not measured at the same time"
    seconds = formatting.format_seconds_pair(difference.before, difference.after)
    change = formatting.format_change(difference.after / difference.before)
    return f"{seconds}, {change}: {format_signed_seconds(difference.seconds)} ({interval}{unpaired})"


def describe_method(before: Profile, after: Profile, breakdown: DiffBreakdown) -> str:
    """The profiler, what it cost, and how the profiles were scaled."""
    costs = " and ".join(dict.fromkeys(formatting.format_factor(side.overhead) for side in (before, after)))
    interval = f", every {1000 * before.interval:.3g} ms" if before.profiler != "cprofile" else ""
    scale = (
        "unchanged functions set the scale"
        if breakdown.anchored
        else "each side is scaled to its seconds without a profiler"
    )
    passes = "1 pass" if breakdown.pairs == 1 else f"{breakdown.pairs} passes"
    return f"{before.profiler}{interval}, {passes} a side: these profiles cost {costs}; {scale}"


def _format_row(
    row: FunctionTimeChange, whole: float, changes: SecondsColumn, callees: SecondsColumn
) -> tuple[str, ...]:
    counted = row.calls_before is not None and row.calls_after is not None
    often = ""
    if counted and row.calls_before is not None and row.calls_after is not None:
        first, second = format_calls(row.calls_before), format_calls(row.calls_after)
        often = first if first == second else f"{first} → {second}"
    return (
        format_signed_seconds(row.change, changes),
        _format_share(row.change, whole),
        format_signed_seconds(row.inclusive, callees),
        often,
        "; ".join(_describe_changes(row)),
    )


def _describe_changes(row: FunctionTimeChange) -> Iterator[str]:
    """Changes of a function other than its seconds."""
    if row.was:
        yield f"was {make_printable(row.was)}"
    if row.presence:
        yield row.presence
        return
    if row.calls_before and row.calls_after is not None:
        ratio = row.calls_after / row.calls_before
        if abs(ratio - 1) > 0.01:
            yield f"called {ratio:.3g} times as often"
    if row.edited:
        yield "its code changed"
    elif row.edited is False:
        yield "same code"


def _describe_callers(row: FunctionTimeChange) -> Iterator[str]:
    if row.edited or (row.calls_before == row.calls_after):
        return
    for caller in row.callers:
        path, _, name = caller.key.rpartition(":")
        where = "" if path == row.key.rpartition(":")[0] else f" ({path})"
        yield f"      called by {name}{where}: {format_calls(caller.before)} → {format_calls(caller.after)}"


def format_signed_seconds(seconds: float, column: SecondsColumn | None = None) -> str:
    """``+0.123s``, ``−3.130s``.

    :param column: the format of the column, that of the number alone if there is none.
    """
    text = (column or SecondsColumn.of([seconds])).format(abs(seconds))
    return text if float(f"{seconds:.9f}") == 0 else ("+" if seconds > 0 else "−") + text


def _format_share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f}".replace("-", "−") if whole else ""
