"""The page of a calibration: what a gate detects on this machine, its false alarms, and other tools beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec

from perfbench.gate.calibration.analysis import SlowdownDetection
from perfbench.gate.calibration.document import SLOWER_KIND, CalibrationResult
from perfbench.gate.calibration.tool_comparison import TOOL_COMPARISONS
from perfbench.model import METRICS, Comparison, Measurement, Verdict
from perfbench.report.page.blocks import (
    Block,
    Cell,
    Command,
    Commands,
    Facts,
    Figures,
    Head,
    Line,
    Page,
    Section,
    Table,
    TableRow,
    Tone,
    build_column_table,
    build_lines,
)
from perfbench.report.page.commands import format_command, format_page_name
from perfbench.report.page.comparison_charts import draw_comparison
from perfbench.report.page.environment_diff import build_environment_section
from perfbench.report.page.interval_chart import IntervalAxis, describe_interval, format_ratio
from perfbench.report.page.pair_charts import ComparedPairs
from perfbench.report.page.run_page import SAMPLES_TEXT, describe_run, embed_run
from perfbench.report.tables import calibration as calibration_table
from perfbench.results.page_document import PageDocument
from perfbench.stats import pairs, sequential
from perfbench.stats.verdict_bounds import STANDARD_BOUNDS
from perfbench.util import formatting

SIDES = ("the build", "the same build again")


def build_calibration_page(result: CalibrationResult) -> Page:
    """The page of a saved calibration."""
    run = result.unchanged
    warning = calibration_table.describe_few_pairs(result.calibration)
    return Page(
        title="Calibration of the gate on this machine",
        window=run.id,
        sentence=_build_sentence(result),
        more=(f"{calibration_table.format_subject(run)}, {result.calibration.pairs} pairs.",),
        warnings=(Line(warning, "inconclusive"),) if warning else (),
        about=describe_run(run),
        sections=tuple(_build_sections(result)),
        documents=tuple(_list_documents(result)),
    )


def _build_sentence(result: CalibrationResult) -> Line:
    calibration = result.calibration
    most = calibration.looks[-1]
    detects = 100 * calibration.compute_detectable(most)
    low, high = calibration.bias_low, calibration.bias_high
    biased = not low <= 0 <= high
    alarms = calibration.resampled
    text = (
        f"A gate detects a slowdown of {detects:.1f} % here with {most} pairs, and calls unchanged code slower in "
        f"{100 * alarms.share:.2f} % of {formatting.format_count(alarms.tried)} resampled gates."
    )
    return Line(text, "inconclusive" if biased else "")


def _build_sections(result: CalibrationResult) -> Iterator[Section]:
    calibration = result.calibration
    shown = _collect_pairs(result)
    facts = (
        *calibration_table.describe_noise(calibration, result.cost),
        *((name, value) for name, value in calibration_table.describe_false_alarms(calibration) if name),
    )
    lead = "One release, built twice: any difference between the two is noise of the machine or an error of the method."
    blocks: tuple[Block, ...] = (Figures(draw_comparison(shown)), Facts(facts, wide=True))
    yield Section("unchanged", "Unchanged code", blocks, lead)
    if result.injected:
        lead = "One side was slowed down by a known share. The interval has to contain it, and a gate has to detect it."
        yield Section("slowdowns", "Injected slowdowns", (_build_slowdown_table(result),), lead)
    if result.scores:
        table = build_column_table(calibration_table.build_tool_table(result.scores), "Tools")
        lead = "The same two builds and the same slowdowns, each tool by its own protocol."
        note = build_lines([calibration_table.DETECTS_NOTE])
        yield Section("tools", "Other tools", (table, note), lead)
    yield build_environment_section(result.unchanged)
    yield Section("commands", "Reproduce it and go on", (_build_commands(result),), SAMPLES_TEXT)


def _collect_pairs(result: CalibrationResult) -> ComparedPairs:
    """The pairs of unchanged code as a comparison of the build with itself."""
    calibration, run = result.calibration, result.unchanged
    before, after = (_find_measurement(result, case) for case in run.duets[0])
    metric = pairs.choose_metric((*before.samples, *after.samples), before.metric)
    firsts, seconds = pairs.pair_values(before.samples, after.samples, metric)
    low, high = math.exp(calibration.bias_low), math.exp(calibration.bias_high)
    comparison = Comparison(
        metric=METRICS[metric],
        before=math.nan,
        after=math.nan,
        ratio=math.exp(calibration.bias),
        low=low,
        high=high,
        pairs=calibration.pairs,
        sigma=calibration.sigma,
        verdict=STANDARD_BOUNDS.classify_ratio(low, high),
    )
    return ComparedPairs(
        comparison=comparison,
        ratios=tuple(map(math.exp, result.log_ratios)),
        before_seconds=tuple(firsts),
        after_seconds=tuple(seconds),
        before=SIDES[0],
        after=SIDES[1],
        metric=METRICS[metric].label,
        level=sequential.compute_level(calibration.looks),
    )


def _find_measurement(result: CalibrationResult, case: str) -> Measurement:
    measurement = result.unchanged.measurement(case)
    assert measurement is not None
    return measurement


def _build_slowdown_table(result: CalibrationResult) -> Table:
    """A row for each slowdown: what was injected, what was measured with its interval, and how often it was detected."""
    comparisons = [_compare_slowdown(detection) for detection in result.injected]
    axis = IntervalAxis.of(comparisons, [1 + detection.injected for detection in result.injected])
    texts = dict(calibration_table.describe_detection(result.injected))
    rows = []
    for detection, comparison, text in zip(result.injected, comparisons, texts.values(), strict=True):
        label = describe_interval(comparison, as_change=True)
        tone: Tone = "" if detection.recovered else "regressed"
        cells = (
            Cell(f"{100 * detection.injected:.2f} %", sort=detection.injected),
            Cell(format_ratio(detection.ratio, as_change=True), label.partition(", ")[2], sort=detection.ratio),
            Cell("", figure=axis.draw_interval(comparison, label, 1 + detection.injected)),
            Cell("yes" if detection.recovered else "no", tone=tone),
            Cell(text.rpartition("; ")[2].removeprefix("detected in "), sort=detection.detected.share),
        )
        rows.append(TableRow(cells, _list_numbers(detection)))
    heads = (
        Head("injected", left=True),
        Head("measured"),
        Head("interval, diamond: injected", figure=axis.draw_head(), sortable=False),
        Head("true value in the interval"),
        Head("detected in", left=True),
    )
    return Table("Injected slowdowns", heads, tuple(rows))


def _list_numbers(detection: SlowdownDetection) -> tuple[tuple[str, str], ...]:
    names = ("injected", "ratio", "low", "high", "pairs")
    return tuple((name, repr(getattr(detection, name))) for name in names)


def _compare_slowdown(detection: SlowdownDetection) -> Comparison:
    """The numbers of a slowdown as a comparison, for its drawing."""
    return Comparison(
        metric=METRICS["cpu_seconds"],
        before=math.nan,
        after=math.nan,
        ratio=detection.ratio,
        low=detection.low,
        high=detection.high,
        pairs=detection.pairs,
        sigma=math.nan,
        verdict=Verdict.UNCHANGED if detection.recovered else Verdict.REGRESSED,
    )


def _build_commands(result: CalibrationResult) -> Commands:
    page = format_page_name(result.unchanged.id)
    commands = (
        Command("Calibrate again", format_command(result.unchanged)),
        Command("Show this page in the terminal; the runs are inside it", f"perfbench calibrate --show {page}"),
        Command("Use it: a gate reads the calibration of the results folder", "perfbench gate --before SPEC"),
    )
    return Commands(commands, page)


def _list_documents(result: CalibrationResult) -> Iterator[PageDocument]:
    yield embed_run(result.unchanged)
    yield embed_run(result.slower, SLOWER_KIND)
    if result.comparison is not None:
        name = f"{result.unchanged.id}-against"
        yield PageDocument(TOOL_COMPARISONS.kind, name, msgspec.json.encode(result.comparison))
