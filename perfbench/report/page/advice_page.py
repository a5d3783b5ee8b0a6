"""The page of an advice: the ranked levers, the combination, what to write, and what is left of the time."""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec

from perfbench.advise.document import ADVICES
from perfbench.model import METRICS, Comparison, Verdict
from perfbench.report.advice_report import AdviceReport, LeverRow
from perfbench.report.page.blocks import (
    Block,
    Cell,
    Code,
    Command,
    Commands,
    Fold,
    Head,
    Line,
    Page,
    Section,
    Table,
    TableRow,
    Tone,
    build_lines,
)
from perfbench.report.page.commands import format_advise_command, format_page_name
from perfbench.report.page.environment_diff import build_environment_section
from perfbench.report.page.interval_chart import IntervalAxis
from perfbench.report.page.run_page import SAMPLES_TEXT, describe_run
from perfbench.report.tables import advice_page
from perfbench.results.page_document import PageDocument
from perfbench.util import formatting
from perfbench.worker.program_messages import Proposal

HEADS = ("lever", "faster", "interval", "pairs", "class", "result")


def build_advice_page(report: AdviceReport) -> Page:
    """The page of an advice."""
    document = report.document
    verdict = list(advice_page.describe_verdict(report))
    confirmed = report.combination is not None and report.combination.confirmed
    return Page(
        title=advice_page.format_title(document),
        window=document.run.id,
        sentence=Line(f"{verdict[0][0].upper()}{verdict[0][1:]}.", "improved" if confirmed else ""),
        more=tuple(f"{line[0].upper()}{line[1:]}." for line in verdict[1:]),
        warnings=tuple(Line(line, "inconclusive") for line in advice_page.list_warnings(document)),
        about=describe_run(document.run),
        sections=tuple(_build_sections(report)),
        documents=(PageDocument(ADVICES.kind, document.run.id, msgspec.json.encode(document)),),
    )


def _build_sections(report: AdviceReport) -> Iterator[Section]:
    document = report.document
    lead = (
        "Every lever alone, in pairs with your set-up; intervals are drawn on one logarithmic axis, left of 1.0 is faster. "
        "Single levers choose and prove nothing: the combination is confirmed on fresh pairs."
    )
    yield Section("levers", "Levers", (_build_table(report),), lead)
    if report.advised:
        blocks = tuple(_build_proposal(row.proposal, opened=True) for row in report.advised)
        yield Section("write", "What to write", blocks)
    if document.named:
        blocks = tuple(_build_proposal(proposal, opened=False) for proposal in document.named)
        yield Section("named", "Named, not tried", blocks)
    left = list(advice_page.describe_remainder(report))
    if left:
        yield Section("left", "What is left", (build_lines(left[1:]),), left[0])
    yield build_environment_section(document.run)
    yield Section("method", "How it was measured", (build_lines([advice_page.describe_conditions(document)]),))
    page = format_page_name(document.run.id)
    commands = (
        Command("Ask for advice again", format_advise_command(document.run)),
        Command("Show it in the terminal; the advice is inside this page", f"perfbench show {page}"),
        Command("As Markdown for a note or a pull request", f"perfbench show {page} --export markdown=advice.md"),
    )
    yield Section("commands", "Reproduce it and go on", (Commands(commands, page),), SAMPLES_TEXT)


def _build_table(report: AdviceReport) -> Block:
    if not report.rows:
        return build_lines([advice_page.NO_LEVER])
    comparisons = {row.number: _compare(row) for row in report.rows if row.speedup is not None}
    axis = IntervalAxis.of(comparisons.values())
    heads = tuple(
        Head(head, left=head in ("lever", "class", "result"), figure=axis.draw_head() if head == "interval" else None,
             sortable=head != "interval")
        for head in HEADS
    )  # fmt: skip
    rows = tuple(_build_row(row, comparisons.get(row.number), axis) for row in report.rows)
    return Table("Levers", heads, rows, filtered=True, name="levers")


def _build_row(row: LeverRow, comparison: Comparison | None, axis: IntervalAxis) -> TableRow:
    title, faster, interval, pairs, kind, outcome = advice_page.format_cells(row)
    tone: Tone = "improved" if row.advised else ""
    mark = advice_page.ADVISED_MARK if row.advised else ""
    figure = axis.draw_nothing("not timed")
    if comparison is not None:
        figure = axis.draw_interval(comparison, f"{faster} faster, 95 % interval {interval}")
    speedup = row.speedup
    data = () if speedup is None else tuple(
        (name, repr(value))
        for name, value in (("ratio", speedup.ratio), ("low", speedup.low), ("high", speedup.high), ("pairs", speedup.pairs))
        if math.isfinite(value)
    )  # fmt: skip
    return TableRow(
        (
            Cell(f"{mark}{title}", tone=tone),
            Cell(
                faster, interval if interval != formatting.MISSING_TEXT else "", sort=speedup.ratio if speedup else None
            ),
            Cell("", figure=figure),
            Cell(pairs),
            Cell(kind),
            Cell(outcome, tone=tone),
        ),
        data,
    )


def _compare(row: LeverRow) -> Comparison:
    """The speed-up of a lever as a comparison after / before, for its drawing."""
    speedup = row.speedup
    assert speedup is not None
    complete = math.isfinite(speedup.low) and math.isfinite(speedup.high)
    return Comparison(
        metric=METRICS["cpu_seconds"],
        before=math.nan,
        after=math.nan,
        ratio=1 / speedup.ratio,
        low=1 / speedup.high if complete else 0.0,
        high=1 / speedup.low if complete else math.inf,
        pairs=speedup.pairs,
        sigma=math.nan,
        verdict=Verdict.IMPROVED if row.advised else Verdict.UNCHANGED,
    )


def _build_proposal(proposal: Proposal, *, opened: bool) -> Fold:
    blocks: list[Block] = []
    if proposal.write:
        blocks.append(Code(tuple(proposal.write.splitlines())))
    notes = [note for note in (proposal.reason, proposal.source and f"see {proposal.source}") if note]
    blocks += [build_lines(notes)] if notes else []
    return Fold(proposal.title, tuple(blocks), opened=opened)
