"""What is said of memory, as text: a table of curves, tables of allocations, a function line by line."""

from __future__ import annotations

from collections.abc import Sequence

from perfbench import text_table
from perfbench.allocations import Allocation, Allocations, Lines
from perfbench.curves import Curve, growth, labels, left, peak, plateau, title, verdict
from perfbench.formatting import MISSING, count, printable, size
from perfbench.screens import WIDTH
from perfbench.text_table import Column, wrapped
from perfbench.worker.profilers.lines import MOST

ROWS = 12
KEY = (
    "plateau: median of the last fifth of the updates · growth: over the second half of the pass · "
    "left after: on top of what was there before, garbage collected and free memory given back"
)


def curve_table(curves: Sequence[Curve], width: int = WIDTH) -> str:
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
    for curve, name in zip(curves, labels(curves), strict=True):
        kept = left(curve)
        cells = (
            f"  {printable(name)}",
            size(curve.baseline),
            size(peak(curve)),
            size(plateau(curve)),
            signed(growth(curve)),
            MISSING if kept is None else signed(kept),
            verdict(curve),
        )
        rows.append(cells)
    return (
        text_table.render(f"  {printable(title(curves))}", columns, rows, width, rule=False)
        + wrapped(f"  {KEY}", width)
        + "\n"
    )


def allocation_tables(found: Allocations, width: int = WIDTH) -> str:
    """The largest functions by bytes, and those by count, each with its share of all that was there."""
    about = (
        f"{found.profiler} · {printable(found.case.id)} · {size(found.peak_bytes)} allocated at the peak of the pass"
    )
    parts = [wrapped(f"  {about}", width) + "\n"]
    columns = (Column("bytes"), Column("share", optional=1), Column("blocks"), Column("file", left=True))
    for head, allocated in (("largest by bytes", found.by_bytes), ("most by count", found.by_count)):
        rows = [_allocation(one, found.peak_bytes) for one in allocated[:ROWS]]
        parts.append(text_table.render(f"  {head}", columns, rows, width, rule=False))
    notes = [note for note in (found.remark, found.html and f"flame graph: {found.html}") if note]
    return "\n".join([*parts, *(wrapped(f"  {printable(note)}", width) + "\n" for note in notes)])


def lines_page(found: Lines, width: int = WIDTH) -> str:
    """memory_profiler's own table, and how much of the pass it is of."""
    calls = f"{count(found.calls)} call{'s' * (found.calls != 1)}"
    looked = f"{calls}: it looks no further than {count(MOST)} calls or updates" if found.cut else f"all {calls}"
    warning = "  it looks at the memory at every line: the pass is many times slower, and what a line takes and frees does not show"
    about = f"  memory_profiler · {printable(found.function)} · {printable(found.case.id)} · {looked}"
    return f"{wrapped(about, width)}\n{wrapped(warning, width)}\n\n{found.text.rstrip()}\n"


def signed(value: float) -> str:
    """``+1.1 MB``, ``−20.5 kB``, ``0 B``."""
    text = size(value)
    return text.replace("-", "−") if text in (MISSING, "0 B") or value < 0 else f"+{text}"


def _allocation(one: Allocation, whole: int) -> tuple[str, ...]:
    share = f"{one.bytes / whole:.1%}" if whole else MISSING
    return f"  {printable(one.function)}", size(one.bytes), share, count(one.count), printable(one.path)
