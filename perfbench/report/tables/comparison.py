"""Text table of a report: columns, headings and row marks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from perfbench.environments import labels
from perfbench.errors import UsageProblem
from perfbench.model import INSTRUCTIONS, Comparison, Metric, Verdict
from perfbench.report import advice_text
from perfbench.report.model import Report, ReportTable, Row
from perfbench.report.survey_text import describe_survey
from perfbench.report.tables.seconds_columns import (
    choose_seconds_column,
    format_metric_values,
    format_own_seconds,
    format_seconds_cell,
)
from perfbench.report.text_table import FAILED_MARK, WARNING_PREFIX, TextTable
from perfbench.util import formatting
from perfbench.util.formatting import make_printable
from perfbench.util.suggest import suggest_name

VERDICT_MARKS = {
    Verdict.IMPROVED: "▲",
    Verdict.REGRESSED: "▼",
    Verdict.UNCHANGED: "=",
    Verdict.INCONCLUSIVE: "?",
}
KNOWN_CHANGES_NOTE = "known changes: {}; with these reverted on both sides, the outputs are equal"


def format_memory_cell(row: Row) -> str:
    """``212.0 MB → 208.4 MB``, or the peak of the one case that was measured; empty without any."""
    if row.peak_before and row.peak_rss_bytes:
        return formatting.format_bytes_pair(row.peak_before, row.peak_rss_bytes)
    return next((formatting.format_bytes(peak) for peak in (row.peak_before, row.peak_rss_bytes) if peak), "")


def format_instructions(row: Row) -> str:
    """``4.21 G → 3.10 G  −26.4 % ▲``; of a row without a comparison ``4.21 G``."""
    if row.count is None:
        return "" if row.instructions is None else formatting.format_quantity(row.instructions)
    counts = formatting.format_quantity_pair(row.count.before, row.count.after)
    return f"{counts}  {formatting.format_share(row.count.ratio)} {VERDICT_MARKS[row.count.verdict]}"


def format_interval_cell(row: Row, slower: bool) -> str:
    """``2.25–2.34``: how many times faster, or with ``slower`` how many times slower; empty without both ends."""
    if row.comparison is None or not math.isfinite(row.comparison.high):
        return ""
    low, high = row.comparison.low, row.comparison.high
    return formatting.format_interval(low, high) if slower else formatting.format_interval(1 / high, 1 / low)


FormatCell = Callable[[Row, ReportTable, bool], str]

OPTIONAL_COLUMNS: dict[str, tuple[str, FormatCell]] = {
    "interval": ("95 % interval", lambda row, _table, slower: format_interval_cell(row, slower)),
    "rate": ("", lambda row, *_: formatting.format_rate(row.rate) if row.rate else ""),
    "memory": ("peak memory", lambda row, *_: format_memory_cell(row)),
    "output": ("same output", lambda row, *_: row.same_output.value),
    "claim": ("claim", lambda row, *_: row.claim),
    "wall": (
        "wall time (solo)",
        lambda row, table, _slower: format_own_seconds(lambda row: row.wall_seconds, row, table),
    ),
    "startup": (
        "startup CPU",
        lambda row, table, _slower: format_own_seconds(lambda row: row.startup_seconds, row, table),
    ),
    "pairs": ("pairs", lambda row, *_: str(row.comparison.pairs) if row.comparison else ""),
    "sigma": ("σ per pair", lambda row, *_: _format_share(row.comparison)),
    "doc": ("description", lambda row, *_: row.doc),
    INSTRUCTIONS.name: ("instructions", lambda row, *_: format_instructions(row)),
}
"""The columns after mode and seconds, by their name in ``--columns``."""

COLUMN_RANKS = {
    name: rank
    for rank, name in enumerate(
        (
            "doc",
            "startup",
            "sigma",
            "wall",
            "pairs",
            "rate",
            "claim",
            "memory",
            "numbers",
            INSTRUCTIONS.name,
            "interval",
            "output",
        ),
        1,
    )
}
"""The order in which a narrow terminal leaves columns out; the mode, the seconds and the ratio are always shown."""

NUMBERS_COLUMN = "numbers"
"""The name in ``--columns`` of all columns with the scenario's own metrics."""

COLUMN_SIGNS = ("+", "-")
"""Before a name in ``--columns``: add it to the usual ones, or take it away."""

MODE_COLUMNS = ("interval", "rate", "memory", NUMBERS_COLUMN, "output")
SIDE_COLUMNS = ("interval", NUMBERS_COLUMN, "output", "claim")
"""The default columns where modes are compared, and where environments or runs are."""


def parse_columns(text: str, default: tuple[str, ...] = MODE_COLUMNS) -> tuple[str, ...]:
    """Parse ``--columns``: a list of names, each with ``+`` to add it or ``-`` to take it away. Raises UsageProblem.

    A list that begins with a sign changes the default columns, and names without a sign are added; any other list replaces them.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    shown = list(default) if text.strip().startswith(COLUMN_SIGNS) else []
    for word in words:
        name = word.lstrip("".join(COLUMN_SIGNS)).strip()
        if not name and word in COLUMN_SIGNS:
            continue
        if name not in (*OPTIONAL_COLUMNS, NUMBERS_COLUMN):
            hint = suggest_name(name, (*OPTIONAL_COLUMNS, NUMBERS_COLUMN)).removeprefix("; ")
            raise UsageProblem(f"--columns: no column `{name}`", hint=hint)
        shown = [other for other in shown if other != name] if word.startswith("-") else [*shown, name]
    return tuple(dict.fromkeys(shown))


def build_report_table(table: ReportTable, report: Report) -> TextTable:
    """The text table of one table of the report."""
    slower = _are_all_slower(table.rows)
    compared = any(row.comparison is not None for row in table.rows)
    ratio = (("slower" if slower else "faster"),) if compared else ()
    names = _choose_columns(table, report)
    shown = [column for name in names for column in _expand_column(name, table)]
    ranks = [COLUMN_RANKS[name] for name in names for _ in _expand_column(name, table)]
    heads = ("mode", _format_seconds_heading(table), *ratio, *(head for head, _ in shown))
    seconds = choose_seconds_column(table.rows)
    rows = [
        (
            _format_mode(row),
            format_seconds_cell(row, seconds),
            *([format_factor_cell(row, slower)] if compared else []),
            *(text(row, table, slower) for _, text in shown),
        )
        for row in table.rows
    ]
    return TextTable(
        title=make_printable(_build_title(table, report)),
        heads=tuple(map(make_printable, heads)),
        rows=tuple(tuple(map(make_printable, row)) for row in rows),
        below=tuple(map(make_printable, _build_notes(table))),
        compared=compared,
        ranks=(*[0] * (len(heads) - len(ranks)), *ranks),
    )


def _choose_columns(table: ReportTable, report: Report) -> list[str]:
    """The requested columns that are not empty, and the instructions if they were counted."""
    empty = set() if any(row.claim for row in table.rows) else {"claim"}
    columns = dict.fromkeys((*report.columns, *([INSTRUCTIONS.name] if table.counted else [])))
    return [name for name in columns if name not in empty and (name != INSTRUCTIONS.name or table.counted)]


def _expand_column(name: str, table: ReportTable) -> Iterator[tuple[str, FormatCell]]:
    """The head of a column and the function for its cells; of the numbers, one for each metric that any row reports."""
    if name != NUMBERS_COLUMN:
        head, text = OPTIONAL_COLUMNS[name]
        yield head or f"{table.unit}/s", text
        return
    for metric in dict.fromkeys(number.metric for row in table.rows for number in row.reported):
        yield format_metric_heading(metric), partial(format_metric_cell, metric)


def format_metric_heading(metric: Metric) -> str:
    """``pause`` of ``pause_ms``, whose unit stands with every number; ``bytes per update``."""
    return metric.name.removesuffix(f"_{metric.unit.replace('µ', 'u')}").replace("_", " ")


def format_metric_cell(metric: Metric, row: Row, table: ReportTable, _slower: bool = False) -> str:
    """``96.3 B → 1,210 B ▼``, of modes ``1,210 B ▼``; empty where a row does not report the metric."""
    number = next((number for number in row.reported if number.metric == metric), None)
    if number is None:
        return ""
    mark = f" {VERDICT_MARKS[number.verdict]}" if number.verdict is not None else ""
    before = number.before if table.sides else None
    return f"{format_metric_values(metric, before, number.after, table)}{mark}"


def _format_seconds_heading(table: ReportTable) -> str:
    """The metric, or the environments that are compared by it."""
    if not table.sides:
        return table.metric_label + (" of the corpus" if table.survey else "")
    common, names = labels.split_side_names(table.sides)
    sides = f"{names[0]} → {names[1]}" if len(names) == 2 else f"{names[0]} → …"
    return f"{common} {sides}".strip()


def _format_mode(row: Row) -> str:
    mark = f"{FAILED_MARK} " if row.failed or row.output_differs else ""
    return mark + row.mode


def format_factor_cell(row: Row, slower: bool) -> str:
    """``2.3x ▲``: how many times faster, or with ``slower`` how many times slower; empty without a comparison."""
    if row.comparison is None:
        return ""
    ratio, *ends = (row.comparison.ratio, row.comparison.low, row.comparison.high)
    if not slower:
        ratio, *ends = 1 / ratio, *(1 / end if end > 0 else math.inf for end in reversed(ends))
    return f"{formatting.format_factor(ratio, *ends)} {VERDICT_MARKS[row.comparison.verdict]}"


def _are_all_slower(rows: Sequence[Row]) -> bool:
    ratios = [row.comparison.ratio for row in rows if row.comparison is not None]
    return bool(ratios) and all(ratio > 1 for ratio in ratios)


def _format_share(comparison: Comparison | None) -> str:
    return f"{comparison.sigma:.2%}" if comparison is not None and math.isfinite(comparison.sigma) else ""


def _build_title(table: ReportTable, report: Report) -> str:
    parts = [table.scenario, table.data]
    if not table.sides and len(report.run.settings.environments) > 1:
        parts += [m.case.environment for m in report.run.measurements if m.case.id == table.rows[0].case]
    if table.work is not None:
        parts.append(f"{formatting.format_count(table.work)} {table.unit}")
    parts += [f"{name} {value}" for name, value in table.parameters]
    if table.sides:
        parts.append(f"{len(table.sides)} environments")
    if table.rounds:
        parts.append(formatting.format_plural(table.rounds, "round"))
    return " · ".join(part for part in parts if part)


def _build_notes(table: ReportTable) -> list[str]:
    notes = [f"{FAILED_MARK} {note}" for note in dict.fromkeys(note for row in table.rows for note in row.notes)]
    lacking = [row.unavailable for row in table.rows if row.unavailable]
    changes = [KNOWN_CHANGES_NOTE.format(table.known_changes)] if table.known_changes else []
    warnings = [WARNING_PREFIX + "; ".join(table.warnings)] if table.warnings else []
    counted = [table.counted] if table.counted else []
    return [
        *notes,
        *lacking,
        *map(advice_text.describe_advice, table.advice),
        *(describe_survey(table.survey, slower=_are_all_slower(table.rows)) if table.survey else ()),
        *changes,
        *counted,
        table.about,
        *warnings,
    ]
