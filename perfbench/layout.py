"""A table of a report as texts: which columns, what their heads say, and the mark of every row. No format knows another's."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from perfbench import advice, formatting, wording
from perfbench.errors import UsageProblem
from perfbench.formatting import printable
from perfbench.model import INSTRUCTIONS, Comparison, Metric, Verdict
from perfbench.naming import suggestion
from perfbench.report import Report, ReportTable, Row

MARKS = {
    Verdict.IMPROVED: "▲",
    Verdict.REGRESSED: "▼",
    Verdict.UNCHANGED: "=",
    Verdict.INCONCLUSIVE: "?",
}
FAILED = "!"


@dataclass(frozen=True, slots=True)
class Cells:
    """A table as texts: a title, the heads, the rows, and the lines below. The first column is to the left, others right.

    ``compared``: the third column is the ratio that belongs to the seconds of the second.
    """

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    below: tuple[str, ...]
    compared: bool


def _memory(row: Row) -> str:
    sides = [formatting.size(peak) for peak in (row.peak_before, row.peak_rss_bytes) if peak]
    return " → ".join(sides)


def instructions(row: Row) -> str:
    """``4.21 G → 3.10 G  −26.4 % ▲``; of a row that is compared with nothing its own alone."""
    if row.count is None:
        return "" if row.instructions is None else formatting.quantity(row.instructions)
    before, after = formatting.quantity(row.count.before), formatting.quantity(row.count.after)
    return f"{before} → {after}  {formatting.share(row.count.ratio)} {MARKS[row.count.verdict]}"


def _interval(row: Row, slower: bool) -> str:
    if row.comparison is None or not math.isfinite(row.comparison.high):
        return ""
    low, high = row.comparison.low, row.comparison.high
    return formatting.interval(low, high) if slower else formatting.interval(1 / high, 1 / low)


Text = Callable[[Row, ReportTable, bool], str]

OPTIONAL: dict[str, tuple[str, Text]] = {
    "interval": ("95 % interval", lambda row, _table, slower: _interval(row, slower)),
    "rate": ("", lambda row, *_: formatting.rate(row.rate) if row.rate else ""),
    "memory": ("peak memory", lambda row, *_: _memory(row)),
    "output": ("same output", lambda row, *_: row.same_output),
    "claim": ("claim", lambda row, *_: row.claim),
    "wall": ("wall alone", lambda row, *_: formatting.seconds(row.wall_seconds) if row.wall_seconds else ""),
    "startup": ("start-up", lambda row, *_: formatting.seconds(row.startup_seconds) if row.startup_seconds else ""),
    "pairs": ("pairs", lambda row, *_: str(row.comparison.pairs) if row.comparison else ""),
    "sigma": ("sigma of a pair", lambda row, *_: _share(row.comparison)),
    "doc": ("what it does", lambda row, *_: row.doc),
    INSTRUCTIONS.name: ("instructions", lambda row, *_: instructions(row)),
}
"""The columns behind mode and seconds, by the name that ``--columns`` takes."""

NUMBERS = "numbers"
"""The name of all columns together that show the scenario's own metrics."""

COLUMNS_OF_MODES = ("interval", "rate", "memory", NUMBERS, "output")
COLUMNS_OF_SIDES = ("interval", NUMBERS, "output", "claim")
"""The usual columns where modes are compared, and where environments or runs are."""


def columns(text: str, usual: tuple[str, ...] = COLUMNS_OF_MODES) -> tuple[str, ...]:
    """The columns that ``--columns`` asks for: a list, or ``+name,name`` to add to the usual ones. Raises UsageProblem."""
    names = tuple(name.strip() for name in text.lstrip("+").split(",") if name.strip())
    for name in names:
        if name not in (*OPTIONAL, NUMBERS):
            raise UsageProblem(f"--columns: no column `{name}`{suggestion(name, (*OPTIONAL, NUMBERS))}")
    return tuple(dict.fromkeys((*usual, *names))) if text.startswith("+") else names


def cells(table: ReportTable, report: Report) -> Cells:
    """The texts of one table."""
    slower = _all_slower(table.rows)
    compared = any(row.comparison is not None for row in table.rows)
    ratio = (("slower" if slower else "faster"),) if compared else ()
    shown = [column for name in _columns(table, report) for column in _named(name, table)]
    heads = ("mode", _seconds_head(table), *ratio, *(head for head, _ in shown))
    rows = [
        (
            _mode(row),
            _seconds(row),
            *([_factor(row, slower)] if compared else []),
            *(text(row, table, slower) for _, text in shown),
        )
        for row in table.rows
    ]
    return Cells(
        title=printable(_title(table)),
        heads=tuple(map(printable, heads)),
        rows=tuple(tuple(map(printable, row)) for row in rows),
        below=tuple(map(printable, _below(table))),
        compared=compared,
    )


def _columns(table: ReportTable, report: Report) -> list[str]:
    """The columns that were asked for and have something in them, and what was counted: that was asked for too."""
    empty = set() if any(row.claim for row in table.rows) else {"claim"}
    columns = dict.fromkeys((*report.columns, *([INSTRUCTIONS.name] if table.counted else [])))
    return [name for name in columns if name not in empty and (name != INSTRUCTIONS.name or table.counted)]


def _named(name: str, table: ReportTable) -> Iterator[tuple[str, Text]]:
    """The head and the text of a column; of the numbers, one for each metric that any row reports."""
    if name != NUMBERS:
        head, text = OPTIONAL[name]
        yield head or f"{table.unit}/s", text
        return
    for metric in dict.fromkeys(number.metric for row in table.rows for number in row.reported):
        yield metric_head(metric), partial(_number, metric)


def metric_head(metric: Metric) -> str:
    """``pause`` of ``pause_ms``, whose unit stands with every number; ``bytes per update``."""
    return metric.name.removesuffix(f"_{metric.unit.replace('µ', 'u')}").replace("_", " ")


def _number(metric: Metric, row: Row, table: ReportTable, _slower: bool) -> str:
    number = next((number for number in row.reported if number.metric == metric), None)
    if number is None:
        return ""
    before = f"{formatting.amount(number.before, metric.unit)} → " if table.sides and number.before is not None else ""
    mark = f" {MARKS[number.verdict]}" if number.verdict is not None else ""
    return f"{before}{formatting.amount(number.after, metric.unit)}{mark}"


def _seconds_head(table: ReportTable) -> str:
    """What is measured, or which environments are compared by it."""
    kind = table.metric.replace("_", " ").replace("cpu", "CPU")
    if not table.sides:
        return kind
    common, names = wording.side_names(table.sides)
    sides = f"{names[0]} → {names[1]}" if len(names) == 2 else f"{names[0]} → …"
    return f"{common} {sides}".strip()


def _mode(row: Row) -> str:
    mark = f"{FAILED} " if row.failed or row.same_output == "no" else ""
    return mark + row.mode


def _seconds(row: Row) -> str:
    if row.comparison is not None:  # of the passes that the ratio is of
        return f"{formatting.seconds(row.comparison.before)} → {formatting.seconds(row.comparison.after)}"
    return formatting.seconds(row.seconds) if row.seconds is not None else "–"


def _factor(row: Row, slower: bool) -> str:
    if row.comparison is None:
        return ""
    ratio = row.comparison.ratio if slower else 1 / row.comparison.ratio
    return f"{formatting.factor(ratio)} {MARKS[row.comparison.verdict]}"


def _all_slower(rows: Sequence[Row]) -> bool:
    ratios = [row.comparison.ratio for row in rows if row.comparison is not None]
    return bool(ratios) and all(ratio > 1 for ratio in ratios)


def _share(comparison: Comparison | None) -> str:
    return f"{comparison.sigma:.2%}" if comparison is not None and math.isfinite(comparison.sigma) else ""


def _title(table: ReportTable) -> str:
    parts = [table.scenario, table.data]
    if table.work is not None:
        parts.append(f"{formatting.count(table.work)} {table.unit}")
    parts += [f"{name} {value}" for name, value in table.parameters]
    if table.sides:
        parts.append(f"{len(table.sides)} environments")
    if table.rounds:
        parts.append(formatting.plural(table.rounds, "round"))
    return " · ".join(part for part in parts if part)


def _below(table: ReportTable) -> list[str]:
    notes = [f"{FAILED} {note}" for note in dict.fromkeys(note for row in table.rows for note in row.notes)]
    lacking = [row.unavailable for row in table.rows if row.unavailable]
    known = [f"known changes: {table.known}; with them undone on both sides the outputs agree"] if table.known else []
    doubts = ["doubtful: " + "; ".join(table.doubts)] if table.doubts else []
    counted = [table.counted] if table.counted else []
    return [*notes, *lacking, *map(advice.told, table.advice), *known, *counted, table.about, *doubts]
