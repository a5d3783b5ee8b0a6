"""The page that people pass on: every piece of advice that a run measured, whether it holds, where, and what is better. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perfbench.model import Run, Verdict, describe_processor
from perfbench.report import advice, markdown_text
from perfbench.report.figures import Figure, build_figures
from perfbench.report.model import ClaimResult, Report, ReportTable
from perfbench.report.tables import crossover_text
from perfbench.util import formatting
from perfbench.util.formatting import make_printable

COLUMN_HEADS = ("advice", "what of", "verdict", "measured", "where", "better way")


@dataclass(frozen=True, slots=True)
class AdviceRow:
    """A piece of advice on one market, in words. ``about`` is the metric, ``where`` the range in which it holds."""

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
    """Every piece of advice in the order of the tables; the tables of a sweep say of one piece where it holds."""
    drawn = build_figures(report)
    found: dict[tuple[object, ...], list[tuple[ReportTable, ClaimResult]]] = {}
    for table in report.tables:
        for judged in table.advice:
            claim = judged.claim
            key = (table.scenario, table.data, claim.text, claim.metric, claim.before, claim.after)
            found.setdefault(key, []).append((table, judged))
    docs = {scenario.name: scenario.doc for scenario in report.run.scenarios}
    return tuple(_build_row(tables, docs, drawn) for tables in found.values())


def _build_row(
    tables: Sequence[tuple[ReportTable, ClaimResult]], docs: dict[str, str], drawn: Sequence[Figure]
) -> AdviceRow:
    table, first = tables[0]
    verdicts = list(dict.fromkeys(advice.describe_verdict(judged) for _, judged in tables))
    some = any(judged.verdict is Verdict.IMPROVED for _, judged in tables)
    shown = [tables[-1]] if len(verdicts) == 1 else _find_extremes(tables)
    parts = [
        f"{advice.format_amounts(judged)}{advice.format_effect(judged)}{_describe_parameters(one, [t for t, _ in tables])}"
        for one, judged in shown
        if judged.verdict is not None
    ]
    return AdviceRow(
        scenario=table.scenario,
        question=docs.get(table.scenario, ""),
        data=table.data,
        text=first.claim.text,
        source=first.claim.source,
        about=advice.format_metric_name(first.metric),
        verdict=verdicts[0] if len(verdicts) == 1 else "holds in part" if some else "; ".join(verdicts),
        measured="; ".join(parts),
        where=_describe_range(tables, drawn),
        better=_describe_alternative(tables[-1][1]),
    )


def _find_extremes(tables: Sequence[tuple[ReportTable, ClaimResult]]) -> list[tuple[ReportTable, ClaimResult]]:
    """Where the advice does worst, and where it does best."""
    known = [pair for pair in tables if pair[1].verdict is not None]
    ordered = sorted(known, key=lambda pair: pair[1].gain)
    return [ordered[0], ordered[-1]] if ordered else []


def _describe_range(tables: Sequence[tuple[ReportTable, ClaimResult]], drawn: Sequence[Figure]) -> str:
    """In words for which values it holds; empty where there is only one."""
    if len(tables) == 1:
        return ""
    first, judged = tables[0]
    curves = [
        (figure, curve)
        for figure in drawn
        if (figure.scenario, figure.data, figure.reference) == (first.scenario, first.data, judged.claim.before)
        for curve in figure.curves
        if curve.mode == judged.mode and not judged.claim.metric
    ]
    if curves:
        several = len(curves) > 1
        return "; ".join(
            crossover_text.describe_curve(curve) + (_describe_fixed(figure, [f for f, _ in curves]) if several else "")
            for figure, curve in curves
        )
    by_verdict: dict[str, list[str]] = {}
    for table, one in tables:
        by_verdict.setdefault(advice.describe_verdict(one), []).append(
            _describe_parameters(table, [t for t, _ in tables]).removeprefix(" at ")
        )
    return "; ".join(f"{verdict} at {', '.join(values)}" for verdict, values in by_verdict.items())


def _describe_fixed(figure: Figure, others: Sequence[Figure]) -> str:
    apart = [(name, value) for name, value in figure.fixed if any(dict(f.fixed).get(name) != value for f in others)]
    return "".join(f" ({name} {value})" for name, value in apart)


def _describe_parameters(table: ReportTable, others: Sequence[ReportTable]) -> str:
    """`` at periods 5``: the parameters in which the tables differ."""
    apart = [(n, v) for n, v in table.parameters if any(dict(other.parameters).get(n) != v for other in others)]
    return f" at {', '.join(f'{name} {value}' for name, value in apart)}" if apart else ""


def _describe_alternative(judged: ClaimResult) -> str:
    better = judged.better
    if better is None or better.verdict is None:
        return ""
    doc = f" ({better.doc.rstrip('.')})" if better.doc else ""
    return f"{better.mode}{doc}: {advice.format_amounts(better)}{advice.format_effect(better)}"


def render_text(report: Report) -> str:
    """The page for a terminal: for each scenario its question, then each piece of advice with what was found."""
    return "\n".join(make_printable(line) for line in _render_lines(build_rows(report), report.run)) + "\n"


def _render_lines(found: Sequence[AdviceRow], run: Run) -> Iterator[str]:
    for scenario, data in dict.fromkeys((piece.scenario, piece.data) for piece in found):
        own = [piece for piece in found if (piece.scenario, piece.data) == (scenario, data)]
        yield " · ".join(part for part in (scenario, own[0].question, data) if part)
        for advised in dict.fromkeys(piece.text for piece in own):
            yield f"  “{advised}”"
            yield from (f"    {line}" for piece in own if piece.text == advised for line in _render_row(piece))
        yield ""
    yield _describe_source(found, run)


def _render_row(piece: AdviceRow) -> Iterator[str]:
    yield f"{piece.about}: {piece.verdict}" + (f", {piece.measured}" if piece.measured else "")
    if piece.where:
        yield f"  {piece.where}"
    if piece.better:
        yield f"  better: {piece.better}"


def render_markdown(report: Report) -> str:
    """The page as a table of GitHub-flavoured Markdown."""
    found = build_rows(report)
    rows = [(f"“{p.text}” ({p.scenario})", p.about, p.verdict, p.measured, p.where, p.better) for p in found]
    plain = [tuple(map(make_printable, row)) for row in rows]
    lines = markdown_text.format_table(COLUMN_HEADS, plain)
    return "\n".join(
        [*lines, "", markdown_text.escape_markdown(make_printable(_describe_source(found, report.run))), ""]
    )


def _describe_source(found: Sequence[AdviceRow], run: Run) -> str:
    """Whose advice it is, on which machine it was measured, and when."""
    sources = ", ".join(dict.fromkeys(piece.source for piece in found))
    gib = formatting.format_bytes(run.machine.memory_bytes)
    where = f"{describe_processor(run.machine)}, {gib}, {run.machine.system}, {run.machine.python}"
    return f"advice: {sources} · measured {run.created[:10]} by perfbench {run.perfbench} on {where}"
