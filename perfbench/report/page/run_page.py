"""The page of a run: of modes, environments, a gate, or a corpus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from perfbench.model import Metric, OutputMatch, Run
from perfbench.report.model import Report, ReportTable, Row
from perfbench.report.page import case_table, curve_charts, opened_case, pair_charts, sentence
from perfbench.report.page.blocks import (
    Block,
    Cell,
    Commands,
    Fold,
    Head,
    Line,
    Lines,
    Page,
    Section,
    Table,
    TableRow,
    Tone,
    build_lines,
    build_text_table,
    choose_cell_tone,
)
from perfbench.report.page.case_table import ListedCase
from perfbench.report.page.commands import list_commands
from perfbench.report.page.environment_diff import build_environment_section
from perfbench.report.page.interval_chart import format_confidence
from perfbench.report.survey_text import describe_survey
from perfbench.report.tables import advice, crossover
from perfbench.report.tables.comparison import KNOWN_CHANGES_NOTE, format_metric_cell, format_metric_heading
from perfbench.report.text_table import FAILED_MARK
from perfbench.results.page_document import PageDocument
from perfbench.util import formatting

RUN_KIND = "run"
MAX_LISTED_CASES = 12
"""More cases than this are opened as a whole before one of them is."""

SAMPLES_TEXT = (
    "The raw samples of all passes are inside this page, which perfbench reads like the saved file. Everything shown is computed "
    "from them."
)


def build_run_page(report: Report) -> Page:
    """The page of a report."""
    cases = case_table.list_cases(report)
    detectable = _list_detectable(report, cases)
    return Page(
        title=sentence.build_title(report),
        window=report.run.id,
        sentence=sentence.build_sentence(report, cases),
        more=sentence.build_more(report, cases, detectable),
        warnings=tuple(_list_warnings(report)),
        about=describe_run(report.run),
        sections=tuple(_build_sections(report, cases)),
        documents=(embed_run(report.run),),
    )


def embed_run(run: Run, kind: str = RUN_KIND) -> PageDocument:
    """A run as it is embedded in a page: the saved document."""
    return PageDocument(kind, run.id, msgspec.json.encode(run))


def describe_run(run: Run) -> str:
    """``headline · measured 2026-03-01 12:00 by perfbench 0.1.0 on AMD EPYC, 2 cores``."""
    created = run.created[:16].replace("T", " ")
    cores = formatting.format_plural(run.machine.cores, "core")
    return f"{run.id} · measured {created} by perfbench {run.perfbench} on {run.machine.cpu}, {cores}, {run.machine.system}"


def build_commands_section(run: Run) -> Section:
    """The commands that reproduce a run, and the samples inside the page."""
    return Section("commands", "Reproduce it and go on", (Commands(list_commands(run)),), SAMPLES_TEXT)


def _list_detectable(report: Report, cases: Sequence[ListedCase]) -> list[float]:
    """The change that each comparison detects; nothing of a corpus, whose draws are no pairs."""
    changes = []
    measurements = {measurement.case.id: measurement for measurement in report.run.measurements}
    for case in cases:
        comparison = case.row.comparison
        before, after = measurements.get(case.row.case_before), measurements.get(case.row.case)
        if comparison is None or before is None or after is None:
            continue
        if case.table.survey is not None:
            changes.append(comparison.detectable)
        else:
            pairs = opened_case.collect_pairs(report, case, before, after, comparison)
            changes.append(pair_charts.compute_detectable_change(pairs))
    return changes


def _list_warnings(report: Report) -> Iterator[Line]:
    """What is wrong with the run as a whole, and the warnings of its tables, each once with the tables that it is about."""
    if not report.status.ok:
        yield Line(report.status.message.replace(' (see the lines marked "!")', ""), "failed")
    yield from (Line(f"{FAILED_MARK} {problem}", "failed") for problem in report.problems)
    about: dict[str, list[str]] = {}
    for table in report.tables:
        for warning in table.warnings:
            about.setdefault(warning, []).append(
                " · ".join(filter(None, (table.scenario, table.data, *table.parameter_texts)))
            )
    for warning, tables in about.items():
        several = len(report.tables) > 1 and len(tables) < len(report.tables)
        yield Line(f"{warning}" + (f" [{', '.join(tables)}]" if several else ""), "inconclusive")


def _build_sections(report: Report, cases: Sequence[ListedCase]) -> Iterator[Section]:
    yield Section("cases", "Cases", (case_table.build_case_table(report, cases),), _explain_cases(report, cases))
    yield from _build_opened_section(report, cases)
    yield from _build_corpus_sections(report)
    yield from _build_output_section(report, cases)
    yield from _build_metrics_section(report, cases)
    if report.figures:
        yield _build_curves_section(report)
    yield from _build_advice_section(report)
    yield from _build_blame_section(cases)
    yield build_environment_section(report.run)
    yield _build_method_section(report)
    yield build_commands_section(report.run)


def _build_opened_section(report: Report, cases: Sequence[ListedCase]) -> Iterator[Section]:
    folds = opened_case.build_opened_cases(report, cases)
    if not folds:
        return
    if len(folds) > MAX_LISTED_CASES:
        folds = (Fold(formatting.format_plural(len(folds), "case"), folds),)
    yield Section(
        "opened", "Each case", folds, "Open a case for its pairs, their scatter, both sides and what they detect."
    )


def _explain_cases(report: Report, cases: Sequence[ListedCase]) -> str:
    """What the intervals of the table are."""
    comparisons = [case.row.comparison for case in cases if case.row.comparison is not None]
    if not comparisons:
        return ""
    claimed = " A diamond is the announced speed-up." if any(case.row.claimed is not None for case in cases) else ""
    confidences = sorted({format_confidence(c) for c in comparisons})
    of = "draws" if report.run.corpus is not None else "pairs"
    if not report.run.paired:
        of = "samples, which were not measured at the same time"
    return (
        f"Intervals ({' to '.join(confidences)}) come from {of} and are drawn on one logarithmic axis: "
        f"left of 1.0 is faster.{claimed} ▲ faster, ▼ slower, = within ± 1 %, ? inconclusive."
    )


def _build_curves_section(report: Report) -> Section:
    """The curves of a parameter sweep, each with its table."""
    blocks: list[Block] = []
    for figure in report.figures:
        texts = crossover.build_crossover_table(figure)
        blocks += [curve_charts.draw_crossover(figure, report.figures), build_text_table(texts)]
        blocks += [build_lines(texts.below)] if texts.below else []
    lead = "Below 1.0 a mode is faster than the reference. Where its curve crosses 1.0 it pays off from there on, or until there."
    return Section("curves", "Over the values of a parameter", tuple(blocks), lead)


def _build_corpus_sections(report: Report) -> Iterator[Section]:
    for number, table in enumerate((table for table in report.tables if table.survey is not None), 1):
        assert table.survey is not None
        slower = all(row.comparison.ratio > 1 for row in table.rows if row.comparison is not None)
        lines = build_lines(list(describe_survey(table.survey, slower=slower)))
        lead = "What was drawn of the corpus, and what it stands for."
        yield Section(f"corpus-{number}", f"Corpus {table.survey.name}", (lines,), lead)


def _build_output_section(report: Report, cases: Sequence[ListedCase]) -> Iterator[Section]:
    """Whether the outputs are the same, the known changes, and the first differences."""
    compared = [case for case in cases if case.row.same_output is not OutputMatch.NOT_COMPARED]
    different = [case for case in cases if case.row.output_differs]
    if not compared:
        return
    blocks: list[Block] = []
    measurements = {measurement.case.id: measurement for measurement in report.run.measurements}
    for case in different:
        after = measurements.get(case.row.case)
        notes = tuple(Line(f"{FAILED_MARK} {note}", "failed") for note in case.row.notes)
        blocks += [Lines(notes)] if notes else []
        if after is not None:
            blocks += list(
                opened_case.build_differences(after, measurements.get(case.row.case_before), case.table.sides)
            )
    changes = dict.fromkeys(table.known_changes for table in report.tables if table.known_changes)
    blocks += [build_lines([KNOWN_CHANGES_NOTE.format(change) for change in changes])] if changes else []
    if not different:
        text = "Every item of the output was compared field by field in passes that were not timed."
        blocks.insert(0, build_lines([text]))
    same = sum(case.row.same_output in (OutputMatch.SAME, OutputMatch.KNOWN_CHANGES) for case in compared)
    lead = f"{same} of {formatting.format_plural(len(compared), 'case')} give the same output as what they are compared with"
    lead += ", once the known changes are reverted on both sides." if changes else "."
    yield Section("output", "Same output", tuple(blocks), lead)


def _build_metrics_section(report: Report, cases: Sequence[ListedCase]) -> Iterator[Section]:
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


def _build_advice_section(report: Report) -> Iterator[Section]:
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
    return (
        "regressed"
        if verdict.startswith("refuted")
        else "unchanged"
        if verdict.startswith("makes no")
        else "inconclusive"
    )


def _build_blame_section(cases: Sequence[ListedCase]) -> Iterator[Section]:
    blocks = tuple(
        block
        for case in cases
        if case.row.blame
        for block in (build_lines([f"{case.row.mode} {case.context}".strip()]), build_lines(list(case.row.blame)))
    )
    if blocks:
        lead = "Functions that execute more instructions than before, by deterministic counts: instructions, not time."
        yield Section("blame", "Functions behind the regressions", blocks, lead)


def _build_method_section(report: Report) -> Section:
    lines = dict.fromkeys((*(t.about for t in report.tables), *(t.counted for t in report.tables if t.counted)))
    return Section("method", "How it was measured", (build_lines(list(lines)),))
