"""Terminal text of memory profiles: curves, allocations, and a function line by line."""

from __future__ import annotations

from collections.abc import Sequence

from perfbench.profiling.memory.curve import (
    MemoryCurve,
    build_labels,
    build_title,
    classify_growth,
    compute_peak,
    compute_plateau,
    compute_retained,
    estimate_growth,
)
from perfbench.profiling.memory.model import Allocation, AllocationSummary, LineProfile
from perfbench.report.prose import UNLIMITED_WIDTH, wrap_line
from perfbench.report.text_table import Column, ColumnTable
from perfbench.util.formatting import MISSING_TEXT, format_bytes, format_count, format_plural, make_printable
from perfbench.worker.profilers.lines import MAX_OBSERVED

MAX_ROWS = 12
CAPTION = (
    "plateau: median of the last fifth of the updates · growth: over the second half of the pass · "
    "left after: on top of what was there before, garbage collected and free memory given back"
)


def render_curves(curves: Sequence[MemoryCurve], width: int = UNLIMITED_WIDTH) -> str:
    """A row for each case: peak, plateau, growth for 1000 updates, what is left afterwards, and the verdict."""
    return build_curve_table(curves).render(width) + wrap_line(f"  {CAPTION}", width) + "\n"


def build_curve_table(curves: Sequence[MemoryCurve]) -> ColumnTable:
    """A row for each case, as ``render_curves`` has it."""
    units = " or ".join(sorted({curve.unit for curve in curves}))
    columns = (
        Column("before", optional=1),
        Column("peak"),
        Column("plateau"),
        Column(f"growth/1000 {units}"),
        Column("left after", optional=2),
        Column("memory", left=True),
    )
    rows = []
    for curve, name in zip(curves, build_labels(curves), strict=True):
        kept = compute_retained(curve)
        cells = (
            f"  {make_printable(name)}",
            format_bytes(curve.baseline),
            format_bytes(compute_peak(curve)),
            format_bytes(compute_plateau(curve)),
            format_signed_bytes(estimate_growth(curve)),
            MISSING_TEXT if kept is None else format_signed_bytes(kept),
            classify_growth(curve),
        )
        rows.append(cells)
    return ColumnTable(f"  {make_printable(build_title(curves))}", columns, tuple(rows), rule=False)


def render_allocations(summary: AllocationSummary, width: int = UNLIMITED_WIDTH) -> str:
    """The largest functions by bytes, and those by count, each with its share of all that was there."""
    parts = [wrap_line(f"  {describe_allocations(summary)}", width) + "\n"]
    parts += [table.render(width) for table in build_allocation_tables(summary)]
    notes = list_allocation_notes(summary)
    return "\n".join([*parts, *(wrap_line(f"  {make_printable(note)}", width) + "\n" for note in notes)])


def describe_allocations(summary: AllocationSummary) -> str:
    """The profiler, the case and its peak."""
    peak = f"{format_bytes(summary.peak_bytes)} allocated at the peak of the pass"
    return f"{summary.profiler} · {make_printable(summary.case.id)} · {peak}"


def build_allocation_tables(summary: AllocationSummary) -> tuple[ColumnTable, ...]:
    """The largest functions by bytes, and those by count."""
    columns = (Column("bytes"), Column("share", optional=1), Column("blocks"), Column("file", left=True))
    return tuple(
        ColumnTable(
            f"  {head}",
            columns,
            tuple(_format_allocation(allocation, summary.peak_bytes) for allocation in allocated[:MAX_ROWS]),
            rule=False,
        )
        for head, allocated in (("largest by bytes", summary.by_bytes), ("most by count", summary.by_count))
    )


def list_allocation_notes(summary: AllocationSummary) -> list[str]:
    """Lines about the profile of the allocations, and where its own flame graph is."""
    return [note for note in (summary.remark, summary.html and f"flame graph: {summary.html}") if note]


def render_line_profile(profile: LineProfile, width: int = UNLIMITED_WIDTH) -> str:
    """memory_profiler's own table, and how much of the pass it is of."""
    about, warning = (wrap_line(f"  {line}", width) for line in describe_line_profile(profile))
    return f"{about}\n{warning}\n\n{profile.text.rstrip()}\n"


def describe_line_profile(profile: LineProfile) -> tuple[str, str]:
    """What was looked at, and what that costs: two lines."""
    calls = format_plural(profile.calls, "call")
    looked = (
        f"{calls}: limited to the first {format_count(MAX_OBSERVED)} calls or updates"
        if profile.cut
        else f"all {calls}"
    )
    return (
        f"memory_profiler · {make_printable(profile.function)} · {make_printable(profile.case.id)} · {looked}",
        "memory is read at every line: the pass is many times slower, and memory that a line takes and frees does not show",
    )


def format_signed_bytes(value: float) -> str:
    """``+1.1 MB``, ``−20.5 kB``, ``0 B``."""
    text = format_bytes(value)
    return text.replace("-", "−") if text in (MISSING_TEXT, "0 B") or value < 0 else f"+{text}"


def _format_allocation(allocation: Allocation, whole: int) -> tuple[str, ...]:
    share = f"{allocation.bytes / whole:.1%}" if whole else MISSING_TEXT
    return (
        f"  {make_printable(allocation.function)}",
        format_bytes(allocation.bytes),
        share,
        format_count(allocation.count),
        make_printable(allocation.path),
    )
