"""The page of a run: of modes, environments, a gate, or a corpus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from perfbench.model import Run
from perfbench.report.model import Report
from perfbench.report.page import case_table, opened_case, result_sections, sentence
from perfbench.report.page.blocks import (
    Fold,
    Line,
    Page,
    Section,
    build_lines,
)
from perfbench.report.page.case_table import ListedCase
from perfbench.report.page.commands import build_run_commands
from perfbench.report.page.detectability_chart import compute_detectable_change
from perfbench.report.page.environment_diff import build_environment_section
from perfbench.report.page.interval_chart import format_confidence
from perfbench.report.text_table import FAILED_MARK
from perfbench.results.page_document import PageDocument
from perfbench.util import formatting

RUN_KIND = "run"
MAX_WARNINGS = 6
"""More warnings than this are summed up by their kinds."""

MAX_PROBLEMS = 10

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
    problems, warnings = tuple(_list_problems(report)), tuple(_list_warnings(report))
    many = len(warnings) > MAX_WARNINGS
    return Page(
        title=sentence.build_title(report),
        window=report.run.id,
        sentence=sentence.build_sentence(report, cases),
        more=sentence.build_more(report, cases, detectable),
        warnings=(*problems, *(_sum_up(report) if many else warnings)),
        folded=warnings if many else (),
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
    return Section("commands", "Reproduce it and go on", (build_run_commands(run),), SAMPLES_TEXT)


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
            changes.append(compute_detectable_change(pairs))
    return changes


def _list_problems(report: Report) -> Iterator[Line]:
    """What is wrong with the run as a whole, and what failed in its cases."""
    if not report.status.ok:
        yield Line(report.status.message.replace(' (see the lines marked "!")', ""), "failed")
    notes = dict.fromkeys(note for table in report.tables for row in table.rows if row.failed for note in row.notes)
    problems = [*report.problems, *notes]
    yield from (Line(f"{FAILED_MARK} {problem}", "failed") for problem in problems[:MAX_PROBLEMS])
    if len(problems) > MAX_PROBLEMS:
        yield Line(f"{FAILED_MARK} {len(problems) - MAX_PROBLEMS} more at their cases", "failed")


def _list_warnings(report: Report) -> Iterator[Line]:
    """The warnings of the tables, each once, with the tables that it is about."""
    names = [" · ".join(filter(None, (table.scenario, table.data, *table.parameter_texts))) for table in report.tables]
    for warning in dict.fromkeys(warning for table in report.tables for warning in table.warnings):
        about = [name for name, table in zip(names, report.tables, strict=True) if warning in table.warnings]
        yield Line(warning + (f" [{', '.join(about)}]" if len(about) < len(names) else ""), "inconclusive")


def _sum_up(report: Report) -> Iterator[Line]:
    """A line for each kind of warning with the number of its tables; the warning itself where all have the same."""
    kinds: dict[str, list[str]] = {}
    for table in report.tables:
        for kind, warning in {warning.partition(" (")[0]: warning for warning in table.warnings}.items():
            kinds.setdefault(kind, []).append(warning)
    for kind, warnings in kinds.items():
        of_the_run = len(warnings) == len(report.tables) and len(set(warnings)) == 1
        text = warnings[0] if of_the_run else f"{kind}: in {formatting.format_plural(len(warnings), 'table')}"
        yield Line(text, "inconclusive")


def _build_sections(report: Report, cases: Sequence[ListedCase]) -> Iterator[Section]:
    yield Section("cases", "Cases", (case_table.build_case_table(report, cases),), _explain_cases(report, cases))
    yield from result_sections.build_means_section(report)
    yield from _build_opened_section(report, cases)
    yield from result_sections.build_corpus_sections(report)
    yield from result_sections.build_output_section(report, cases)
    yield from result_sections.build_metrics_section(report, cases)
    if report.figures:
        yield result_sections.build_curves_section(report)
    yield from result_sections.build_advice_section(report)
    yield from result_sections.build_blame_section(cases)
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


def _build_method_section(report: Report) -> Section:
    lines = dict.fromkeys((*(t.about for t in report.tables), *(t.counted for t in report.tables if t.counted)))
    return Section("method", "How it was measured", (build_lines(list(lines)),))
