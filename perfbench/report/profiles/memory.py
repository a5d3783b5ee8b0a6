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
from perfbench.report import text_table
from perfbench.report.prose import UNLIMITED_WIDTH, wrap_line
from perfbench.report.text_table import Column
from perfbench.util.formatting import MISSING_TEXT, format_bytes, format_count, format_plural, make_printable
from perfbench.worker.profilers.lines import MAX_OBSERVED

MAX_ROWS = 12
CAPTION = (
    "plateau: median of the last fifth of the updates · growth: over the second half of the pass · "
    "left after: on top of what was there before, garbage collected and free memory given back"
)


def render_curves(curves: Sequence[MemoryCurve], width: int = UNLIMITED_WIDTH) -> str:
    """A row for each case: peak, plateau, growth for 1000 updates, what is left afterwards, and the verdict."""
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
    return (
        text_table.render(f"  {make_printable(build_title(curves))}", columns, rows, width, rule=False)
        + wrap_line(f"  {CAPTION}", width)
        + "\n"
    )


def render_allocations(summary: AllocationSummary, width: int = UNLIMITED_WIDTH) -> str:
    """The largest functions by bytes, and those by count, each with its share of all that was there."""
    peak = f"{format_bytes(summary.peak_bytes)} allocated at the peak of the pass"
    about = f"{summary.profiler} · {make_printable(summary.case.id)} · {peak}"
    parts = [wrap_line(f"  {about}", width) + "\n"]
    columns = (Column("bytes"), Column("share", optional=1), Column("blocks"), Column("file", left=True))
    for head, allocated in (("largest by bytes", summary.by_bytes), ("most by count", summary.by_count)):
        rows = [_format_allocation(allocation, summary.peak_bytes) for allocation in allocated[:MAX_ROWS]]
        parts.append(text_table.render(f"  {head}", columns, rows, width, rule=False))
    notes = [note for note in (summary.remark, summary.html and f"flame graph: {summary.html}") if note]
    return "\n".join([*parts, *(wrap_line(f"  {make_printable(note)}", width) + "\n" for note in notes)])


def render_line_profile(profile: LineProfile, width: int = UNLIMITED_WIDTH) -> str:
    """memory_profiler's own table, and how much of the pass it is of."""
    calls = format_plural(profile.calls, "call")
    looked = (
        f"{calls}: limited to the first {format_count(MAX_OBSERVED)} calls or updates"
        if profile.cut
        else f"all {calls}"
    )
    warning = "  memory is read at every line: the pass is many times slower, and memory that a line takes and frees does not show"
    about = f"  memory_profiler · {make_printable(profile.function)} · {make_printable(profile.case.id)} · {looked}"
    return f"{wrap_line(about, width)}\n{wrap_line(warning, width)}\n\n{profile.text.rstrip()}\n"


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
