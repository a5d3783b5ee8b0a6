"""What is said of memory, as text: a table of curves, tables of allocations, a function line by line."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table as RichTable

from perfbench.allocations import Allocation, Allocations, Lines
from perfbench.curves import Curve, growth, labels, left, peak, plateau, title, verdict
from perfbench.formatting import MISSING, count, printable, size
from perfbench.worker.profilers.lines import MOST

UNWRAPPED = 1000
ROWS = 12
KEY = (
    "plateau: median of the last fifth of the updates · growth: over the second half of the pass · "
    "left after: on top of what was there before, garbage collected and free memory given back"
)


def curve_table(curves: Sequence[Curve]) -> str:
    """A row for each case: peak, plateau, growth for 1000 updates, what is left afterwards, and the verdict."""
    table = _table("  " + title(curves))
    units = sorted({curve.unit for curve in curves})
    for head in ("before", "peak", "plateau", f"growth/1000 {' or '.join(units)}", "left after"):
        table.add_column(head, justify="right")
    table.add_column("memory", no_wrap=True)
    for curve, name in zip(curves, labels(curves), strict=True):
        kept = left(curve)
        table.add_row(
            f"  {printable(name)}",
            size(curve.baseline),
            size(peak(curve)),
            size(plateau(curve)),
            signed(growth(curve)),
            MISSING if kept is None else signed(kept),
            verdict(curve),
        )
    return _text(table, KEY)


def allocation_tables(found: Allocations) -> str:
    """The largest functions by bytes, and those by count, each with its share of all that was there."""
    about = (
        f"{found.profiler} · {printable(found.case.id)} · {size(found.peak_bytes)} allocated at the peak of the pass"
    )
    parts = [f"  {about}\n"]
    for head, rows in (("largest by bytes", found.by_bytes), ("most by count", found.by_count)):
        table = _table(f"  {head}")
        for name in ("bytes", "share", "blocks"):
            table.add_column(name, justify="right")
        table.add_column("file", no_wrap=True)
        for one in rows[:ROWS]:
            table.add_row(*_allocation(one, found.peak_bytes))
        parts.append(_text(table))
    notes = [note for note in (found.remark, found.html and f"flame graph: {found.html}") if note]
    return "\n".join([*parts, *(f"  {printable(note)}\n" for note in notes)])


def lines_page(found: Lines) -> str:
    """memory_profiler's own table, and how much of the pass it is of."""
    calls = f"{count(found.calls)} call{'s' * (found.calls != 1)}"
    looked = f"{calls}: it looks no further than {count(MOST)} calls or updates" if found.cut else f"all {calls}"
    warning = "  it looks at the memory at every line: the pass is many times slower, and what a line takes and frees does not show"
    about = f"  memory_profiler · {printable(found.function)} · {printable(found.case.id)} · {looked}"
    return f"{about}\n{warning}\n\n{found.text.rstrip()}\n"


def signed(value: float) -> str:
    """``+1.1 MB``, ``−20.5 kB``, ``0 B``."""
    text = size(value)
    return text.replace("-", "−") if text in (MISSING, "0 B") or value < 0 else f"+{text}"


def _allocation(one: Allocation, whole: int) -> tuple[str, ...]:
    share = f"{one.bytes / whole:.1%}" if whole else MISSING
    return f"  {printable(one.function)}", size(one.bytes), share, count(one.count), printable(one.path)


def _table(head: str) -> RichTable:
    table = RichTable(box=None, pad_edge=False, padding=(0, 3, 0, 0), show_edge=False)
    table.add_column(head, no_wrap=True)
    return table


def _text(table: RichTable, key: str = "") -> str:
    out = io.StringIO()
    console = Console(file=out, width=UNWRAPPED, highlight=False, emoji=False, markup=False)
    console.print(table)
    if key:
        console.print(f"  {key}", soft_wrap=True)
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip("\n").splitlines()) + "\n"
