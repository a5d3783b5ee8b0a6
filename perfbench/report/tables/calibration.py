"""The calibration page: what a gate detects on this machine, and how other tools did."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from perfbench.gate.calibration.analysis import EARLY_LOOK, GROUP_SIZE, Calibration, Proportion, SlowdownDetection
from perfbench.gate.calibration.session import RELIABLE_PAIRS
from perfbench.gate.calibration.tool_scores import ToolScore
from perfbench.model import Run, describe_processor
from perfbench.report.prose import UNLIMITED_WIDTH, wrap_line
from perfbench.report.text_table import Column, ColumnTable
from perfbench.util import formatting

DETECTS_NOTE = (
    "detects ≥: the slowdown detected in 95 % of comparisons at a false-alarm rate of 1 %, "
    "by the scatter of the tool's own ratio"
)
PAIR_COUNTS = (12, 24, 48, 96)


def render_calibration(run: Run, calibration: Calibration, slower: Sequence[SlowdownDetection]) -> str:
    """The page as text: noise and false alarms with identical builds, and the detection of injected slowdowns."""
    assert run.settings.gate is not None
    lines = [
        f"calibration · {format_subject(run)} · {calibration.pairs} pairs",
        *_indent_rows(describe_noise(calibration, run.settings.gate.pairs[0].cost)),
        *_indent_rows(describe_false_alarms(calibration)),
    ]
    if slower:
        lines += ["", *_indent_rows(describe_detection(slower))]
    if warning := describe_few_pairs(calibration):
        lines += ["", f"  ! {warning}"]
    return "\n".join([*lines, "", f"  {describe_machine(run)}"]) + "\n"


def format_subject(run: Run) -> str:
    """``replay lightweight PRO-1.170258213 · betfairlightweight==2.24.0, built twice``."""
    case = run.measurements[0].case
    return f"{case.scenario} {case.mode} {case.data} · {case.environment}, built twice"


def describe_machine(run: Run) -> str:
    """The interpreter, the processor, the system and its load."""
    return (
        f"{run.machine.python} · {describe_processor(run.machine)} · {run.machine.system} · load {run.machine.load:g}"
    )


def describe_few_pairs(calibration: Calibration) -> str:
    """The warning about a calibration of few pairs; empty if there are enough."""
    if calibration.pairs >= RELIABLE_PAIRS:
        return ""
    return f"{calibration.pairs} pairs give rough estimates; allow {RELIABLE_PAIRS} or more (--max-time)"


def render_tool_scores(scores: Sequence[ToolScore], width: int = UNLIMITED_WIDTH) -> str:
    """The table of how other tools did on the same two builds and the same slowdowns."""
    return f"{build_tool_table(scores).render(width)}{wrap_line(f'  {DETECTS_NOTE}', width)}\n"


def build_tool_table(scores: Sequence[ToolScore]) -> ColumnTable:
    """A row for each tool: its time, its false alarms, what it detected, and what it detects."""
    sizes = [size for size, _ in scores[0].detections]
    dated = any(score.released for score in scores)
    columns = (
        *((Column("released", optional=1),) if dated else ()),
        Column("time per comparison", optional=2),
        Column("false alarms"),
        *(Column(f"detects {size:.1%}", optional=3) for size in sizes),
        Column("detects ≥"),
    )
    rows = []
    for score in scores:
        detections = dict(score.detections)
        cells = (
            f"  {score.tool}",
            *((score.released,) if dated else ()),
            f"{score.seconds:.0f} s",
            _format_rate(score.false_alarms),
            *(_format_share(detections[size]) if size in detections else "" for size in sizes),
            f"{score.detectable:.1%}" if score.detectable < math.inf else "",
        )
        rows.append(cells)
    return ColumnTable("  tool", columns, tuple(rows), rule=False)


def _indent_rows(rows: Iterator[tuple[str, str]]) -> list[str]:
    return [f"  {name:<34}{value}" for name, value in rows]


def describe_noise(calibration: Calibration, cost: float) -> Iterator[tuple[str, str]]:
    """Names and values: the scatter of a pair, the bias, and what numbers of pairs detect."""
    low, high = calibration.bias_low, calibration.bias_high
    yield "σ per pair", f"{calibration.sigma:.2%}"
    yield (
        "bias between two identical builds",
        f"{_format_signed(calibration.bias)} ({_format_signed(low)} to {_format_signed(high)})",
    )
    correlation = f"{calibration.autocorrelation:+.2f}".replace("-", "−")
    yield "autocorrelation of pairs", f"{correlation} (within ±{2 / calibration.pairs**0.5:.2f} by chance)"
    yield "time per pair", formatting.format_seconds(cost)
    looks = calibration.looks
    shown = sorted({*(pairs for pairs in PAIR_COUNTS if pairs <= looks[-1]), looks[-1]})
    sizes = (f"{calibration.compute_detectable(pairs):.1%} with {pairs}" for pairs in shown)
    yield "smallest detectable change", ", ".join(sizes) + " pairs"


def describe_false_alarms(calibration: Calibration) -> Iterator[tuple[str, str]]:
    """Names and values: how often a gate, and other rules, called unchanged code slower."""
    live, resampled = _format_rate(calibration.live), _format_rate(calibration.resampled)
    yield "false alarms of the gate", f"{live} live, {resampled} resampled"
    yield (
        "false alarms, sequential sides",
        f"t-test of means: {_format_rate(calibration.mean)}; fastest pass + 5 %: {_format_rate(calibration.minimum)}",
    )
    yield "", f"(groups of {GROUP_SIZE} of the same passes)"


def describe_detection(slower: Sequence[SlowdownDetection]) -> Iterator[tuple[str, str]]:
    """Names and values: how often a gate detected each injected slowdown."""
    for detection in slower:
        interval = formatting.format_change_interval(detection.low, detection.high)
        recovered = "true value in the interval" if detection.recovered else "true value NOT in the interval"
        early = f", with {EARLY_LOOK} in {_format_share(detection.early)}" if detection.pairs > EARLY_LOOK else ""
        yield (
            f"injected slowdown {detection.injected:.2%}",
            f"{formatting.format_change(detection.ratio)} ({interval}) from {detection.pairs} pairs, {recovered}; "
            f"detected in {_format_share(detection.detected)}{early}",
        )


def _format_share(rate: Proportion) -> str:
    return f"{rate.share:.1%} of {rate.tried:,}"


def _format_rate(rate: Proportion) -> str:
    if not rate.tried:
        return "none tried"
    low, high = rate.interval
    return f"{rate.count} of {rate.tried:,} ({low:.1%} to {high:.1%})"


def _format_signed(value: float) -> str:
    return f"{100 * value:+.2f} %".replace("-", "−")
