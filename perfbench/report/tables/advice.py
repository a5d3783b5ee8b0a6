"""The advice page: every piece of advice that a run measured, whether it holds, for which values, and alternatives."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perfbench.model import Run, Verdict, describe_processor
from perfbench.report import advice_text, markdown_text
from perfbench.report.claim_result import ClaimResult
from perfbench.report.model import Figure, Report, ReportTable
from perfbench.report.tables import crossover_text
from perfbench.util import formatting
from perfbench.util.formatting import make_printable

COLUMN_HEADS = ("advice", "source", "metric", "verdict", "measured", "holds for", "better")

VERDICTS_IN_ORDER = (None, Verdict.REGRESSED, Verdict.INCONCLUSIVE, Verdict.UNCHANGED, Verdict.IMPROVED)
"""The worst first."""


@dataclass(frozen=True, slots=True)
class AdviceRow:
    """A piece of advice on one market, in words. ``about`` is the metric, ``where`` the range of values for which it holds.

    ``better`` is the mode that improves on the advised one, empty if none does.
    """

    scenario: str
    question: str
    data: str
    text: str
    source: str
    about: str
    verdict: str
    measured: str
    where: str
    better: str


def build_rows(report: Report) -> tuple[AdviceRow, ...]:
    """A row for every piece of advice, in the order of the tables; the tables of a sweep share a row."""
    grouped: dict[tuple[object, ...], list[tuple[ReportTable, ClaimResult]]] = {}
    for table in report.tables:
        for result in table.advice:
            claim = result.claim
            key = (table.scenario, table.data, claim.text, claim.source, claim.metric, claim.before, claim.after)
            grouped.setdefault(key, []).append((table, result))
    docs = {scenario.name: scenario.doc for scenario in report.run.scenarios}
    return tuple(_build_row(tables, docs, report.figures) for tables in grouped.values())


def _build_row(
    tables: Sequence[tuple[ReportTable, ClaimResult]], docs: dict[str, str], figures: Sequence[Figure]
) -> AdviceRow:
    table, first = tables[0]
    verdicts = list(dict.fromkeys(advice_text.describe_verdict(result) for _, result in tables))
    some = any(result.holds for _, result in tables)
    shown = [tables[-1]] if len(verdicts) == 1 else _find_extremes(tables)
    parts = [
        f"{advice_text.format_change(result)}{_describe_parameters(own, [t for t, _ in tables])}"
        for own, result in shown
        if result.verdict is not None
    ]
    return AdviceRow(
        scenario=table.scenario,
        question=docs.get(table.scenario, ""),
        data=table.data,
        text=first.claim.text,
        source=first.claim.source,
        about=advice_text.format_metric_name(first.metric),
        verdict=verdicts[0] if len(verdicts) == 1 else "holds in part" if some else "; ".join(verdicts),
        measured="; ".join(parts),
        where=_describe_range(tables, figures),
        better=_describe_better(tables),
    )


def _find_extremes(tables: Sequence[tuple[ReportTable, ClaimResult]]) -> list[tuple[ReportTable, ClaimResult]]:
    """The tables in which the advice does worst and best."""
    measured = [pair for pair in tables if pair[1].verdict is not None]
    ordered = sorted(measured, key=lambda pair: _rank_result(pair[1]))
    return [ordered[0], ordered[-1]] if ordered else []


def _rank_result(result: ClaimResult) -> tuple[int, float]:
    """By verdict, then by what is gained; a result without a ratio has its verdict only."""
    gain = result.saving.saved if result.saving is not None else result.gain
    return VERDICTS_IN_ORDER.index(result.verdict), 0.0 if math.isnan(gain) else gain


def _describe_range(tables: Sequence[tuple[ReportTable, ClaimResult]], figures: Sequence[Figure]) -> str:
    """The values for which it holds, in words; empty where there is only one."""
    if len(tables) == 1:
        return ""
    first, result = tables[0]
    curves = [
        (figure, curve)
        for figure in figures
        if (figure.scenario, figure.data, figure.reference) == (first.scenario, first.data, result.claim.before)
        for curve in figure.curves
        if curve.mode == result.mode and not (result.claim.metric or result.claim.saves)
    ]
    if curves:
        several = len(curves) > 1
        return "; ".join(
            crossover_text.describe_curve(curve) + (_describe_fixed(figure, [f for f, _ in curves]) if several else "")
            for figure, curve in curves
        )
    by_verdict: dict[str, list[str]] = {}
    for table, claim_result in tables:
        by_verdict.setdefault(advice_text.describe_verdict(claim_result), []).append(
            _describe_parameters(table, [t for t, _ in tables]).removeprefix(" at ")
        )
    return "; ".join(f"{verdict} at {', '.join(values)}" for verdict, values in by_verdict.items())


def _describe_fixed(figure: Figure, others: Sequence[Figure]) -> str:
    varied = [(name, value) for name, value in figure.fixed if any(dict(f.fixed).get(name) != value for f in others)]
    return "".join(f" ({name} {value})" for name, value in varied)


def _describe_parameters(table: ReportTable, others: Sequence[ReportTable]) -> str:
    """`` at periods 5``: the parameters in which the tables differ; those that were set where there is one table."""
    single = len(others) == 1
    varied = [
        (n, v) for n, v in table.parameters if single or any(dict(other.parameters).get(n) != v for other in others)
    ]
    return f" at {', '.join(f'{name} {value}' for name, value in varied)}" if varied else ""


def _describe_better(tables: Sequence[tuple[ReportTable, ClaimResult]]) -> str:
    """The last result in which the other mode is better, with its parameters if it is not so in all of them."""
    shown = [(table, result.better) for table, result in tables if result.better is not None]
    if not shown:
        return ""
    table, better = shown[-1]
    doc = f" ({better.doc.rstrip('.')})" if better.doc else ""
    place = _describe_parameters(table, [t for t, _ in tables]) if len(shown) < len(tables) else ""
    return f"{better.mode}{doc}: {advice_text.format_change(better)}{place}"


def render_text(report: Report) -> str:
    """The page for a terminal: for each scenario its question, then each piece of advice with its results."""
    return "\n".join(make_printable(line) for line in _render_lines(build_rows(report), report.run)) + "\n"


def _render_lines(rows: Sequence[AdviceRow], run: Run) -> Iterator[str]:
    for scenario, data in dict.fromkeys((row.scenario, row.data) for row in rows):
        own = [row for row in rows if (row.scenario, row.data) == (scenario, data)]
        yield " · ".join(part for part in (scenario, own[0].question, data) if part)
        for text, source in dict.fromkeys((row.text, row.source) for row in own):
            yield f"  “{text}” ({source})"
            same = (row for row in own if (row.text, row.source) == (text, source))
            yield from (f"    {line}" for row in same for line in _render_row(row))
        yield ""
    yield _describe_measurement(run)


def _render_row(row: AdviceRow) -> Iterator[str]:
    yield f"{row.about}: {row.verdict}" + (f", {row.measured}" if row.measured else "")
    if row.where:
        yield f"  {row.where}"
    if row.better:
        yield f"  better: {row.better}"


def render_markdown(report: Report) -> str:
    """The page as a table of GitHub-flavoured Markdown."""
    rows = build_rows(report)
    cells = [(f"“{p.text}” ({p.scenario})", p.source, p.about, p.verdict, p.measured, p.where, p.better) for p in rows]
    plain = [tuple(map(make_printable, row)) for row in cells]
    lines = markdown_text.format_table(COLUMN_HEADS, plain)
    return "\n".join([*lines, "", markdown_text.escape_markdown(make_printable(_describe_measurement(report.run))), ""])


def _describe_measurement(run: Run) -> str:
    """The date of the measurement and its machine."""
    gib = formatting.format_bytes(run.machine.memory_bytes)
    where = f"{describe_processor(run.machine)}, {gib}, {run.machine.system}, {run.machine.python}"
    return f"measured {run.created[:10]} by perfbench {run.perfbench} on {where}"
