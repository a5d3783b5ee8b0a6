"""Sections about the results of a run beside its cases: curves, corpora, outputs, metrics, advice, blame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from perfbench.model import Metric, OutputMatch
from perfbench.report.model import Report, ReportTable, Row
from perfbench.report.page import curve_charts, opened_case
from perfbench.report.page.blocks import (
    Block,
    Cell,
    Fold,
    Head,
    Line,
    Lines,
    Section,
    Table,
    TableRow,
    Tone,
    build_lines,
    build_text_table,
    choose_cell_tone,
)
from perfbench.report.page.case_table import ListedCase
from perfbench.report.survey_text import describe_survey
from perfbench.report.tables import advice, crossover
from perfbench.report.tables.comparison import KNOWN_CHANGES_NOTE, format_metric_cell, format_metric_heading
from perfbench.report.tables.mean_ratio import build_mean_table, group_means
from perfbench.report.text_table import FAILED_MARK
from perfbench.util import formatting


def build_curves_section(report: Report) -> Section:
    """The curves of a parameter sweep, each with its table."""
    blocks: list[Block] = []
    for figure in report.figures:
        texts = crossover.build_crossover_table(figure)
        blocks += [curve_charts.draw_crossover(figure, report.figures), build_text_table(texts)]
        blocks += [build_lines(texts.below)] if texts.below else []
    lead = "Below 1.0 a mode is faster than the reference. Where its curve crosses 1.0 it pays off from there on, or until there."
    return Section("curves", "Over the values of a parameter", tuple(blocks), lead)


def build_means_section(report: Report) -> Iterator[Section]:
    """The geometric means over several market files, a table for each table of the terminal; nothing of one file."""
    blocks: list[Block] = []
    for means in group_means(report):
        texts = build_mean_table(means, report)
        table = build_text_table(texts)
        rows = (
            TableRow(row.cells, tuple((name, repr(getattr(mean.mean, name))) for name in ("ratio", "low", "high")))
            for row, mean in zip(table.rows, means, strict=True)
        )
        blocks += [replace(table, rows=tuple(rows)), build_lines(texts.below)]
    if blocks:
        yield Section("means", "Over all files", tuple(blocks))


def build_corpus_sections(report: Report) -> Iterator[Section]:
    """What was drawn of each corpus, in words."""
    for number, table in enumerate((table for table in report.tables if table.survey is not None), 1):
        assert table.survey is not None
        slower = all(row.comparison.ratio > 1 for row in table.rows if row.comparison is not None)
        lines = build_lines(list(describe_survey(table.survey, slower=slower)))
        lead = "What was drawn of the corpus, and what it stands for."
        yield Section(f"corpus-{number}", f"Corpus {table.survey.name}", (lines,), lead)


def build_output_section(report: Report, cases: Sequence[ListedCase]) -> Iterator[Section]:
    """Whether the outputs are the same, the known changes, and the first differences."""
    compared = [case for case in cases if case.row.same_output is not OutputMatch.NOT_COMPARED]
    different = [case for case in cases if case.row.output_differs]
    if not compared:
        return
    blocks: list[Block] = []
    measurements = {measurement.case.id: measurement for measurement in report.run.measurements}
    for case in different:
        after, before = measurements.get(case.row.case), measurements.get(case.row.case_before)
        title = " · ".join(filter(None, (case.row.mode, case.context)))
        located = [] if after is None else list(opened_case.build_differences(after, before, case.table.sides, title))
        notes = tuple(Line(f"{FAILED_MARK} {note}", "failed") for note in case.row.notes)
        blocks += located or ([Lines(notes)] if notes else [])
    changes = dict.fromkeys(table.known_changes for table in report.tables if table.known_changes)
    blocks += [build_lines([KNOWN_CHANGES_NOTE.format(change) for change in changes])] if changes else []
    if not different:
        text = "Every item of the output was compared field by field in passes that were not timed."
        blocks.insert(0, build_lines([text]))
    whole = [case for case in compared if case.row.same_output is not OutputMatch.FLOOR]
    same = sum(not case.row.output_differs for case in whole)
    lead = f"The same as what they are compared with: {same} of {formatting.format_plural(len(whole), 'case')}"
    lead += ", once the known changes are reverted on both sides." if changes else "."
    yield Section("output", "Same output", tuple(blocks), lead)


def build_metrics_section(report: Report, cases: Sequence[ListedCase]) -> Iterator[Section]:
    """The metrics that the scenarios report themselves, a table for each table of the report."""
    tables = [table for table in report.tables if any(row.reported for row in table.rows)]
    if not tables:
        return
    contexts = {id(case.table): case.context for case in cases}
    blocks = tuple(_build_metrics_table(table, contexts.get(id(table), "")) for table in tables)
    shown: tuple[Block, ...] = blocks if len(blocks) <= 2 else tuple(Fold(block.caption, (block,)) for block in blocks)
    yield Section(
        "metrics", "The scenario's own metrics", shown, "What the modes report themselves, as medians of their passes."
    )


def _build_metrics_table(table: ReportTable, context: str) -> Table:
    metrics = list(dict.fromkeys(number.metric for row in table.rows for number in row.reported))
    caption = f"Metrics of {context or table.scenario}"
    if len(metrics) <= len(table.rows):
        names = [Cell(row.mode) for row in table.rows]
        cells = [[_build_metric_cell(metric, row, table) for metric in metrics] for row in table.rows]
        heads = ("mode", *map(format_metric_heading, metrics))
    else:
        names = [Cell(format_metric_heading(metric)) for metric in metrics]
        cells = [[_build_metric_cell(metric, row, table) for row in table.rows] for metric in metrics]
        heads = ("metric", *(row.mode for row in table.rows))
    rows = tuple(TableRow((name, *own)) for name, own in zip(names, cells, strict=True))
    return Table(caption, tuple(Head(head, left=place == 0) for place, head in enumerate(heads)), rows)


def _build_metric_cell(metric: Metric, row: Row, table: ReportTable) -> Cell:
    text = format_metric_cell(metric, row, table)
    sort = next((number.after for number in row.reported if number.metric == metric), None)
    return Cell(text, sort=sort, tone=choose_cell_tone(text))


def build_advice_section(report: Report) -> Iterator[Section]:
    """The advice that the scenarios of the run are about, if they are about any."""
    rows = advice.build_rows(report)
    if rows:
        lead = "What is recommended elsewhere, against what was measured here."
        yield Section("advice", "Advice", (build_verdict_table(rows),), lead)


def build_verdict_table(rows: Sequence[advice.AdviceRow]) -> Table:
    """A row for every piece of advice, with its verdict."""
    heads = ("advice", "verdict", "measured", "holds for", "better")
    return Table(
        caption="Advice",
        heads=tuple(Head(head, left=True) for head in heads),
        rows=tuple(
            TableRow(
                (
                    Cell(f"“{row.text}”", f"{row.scenario} · {row.about} · {row.source}"),
                    Cell(row.verdict, tone=_choose_verdict_tone(row.verdict)),
                    Cell(row.measured),
                    Cell(row.where),
                    Cell(row.better),
                )
            )
            for row in rows
        ),
        filtered=len(rows) > 1,
        name="advice",
    )


def _choose_verdict_tone(verdict: str) -> Tone:
    if verdict.startswith("holds"):
        return "improved"
    if verdict.startswith("refuted"):
        return "regressed"
    return "unchanged" if verdict.startswith("makes no") else "inconclusive"


def build_blame_section(cases: Sequence[ListedCase]) -> Iterator[Section]:
    """The functions behind the regressions of a gate, if they were counted."""
    blocks = tuple(
        block
        for case in cases
        if case.row.blame
        for block in (build_lines([f"{case.row.mode} {case.context}".strip()]), build_lines(list(case.row.blame)))
    )
    if blocks:
        lead = "Functions that execute more instructions than before, by deterministic counts: instructions, not time."
        yield Section("blame", "Functions behind the regressions", blocks, lead)
