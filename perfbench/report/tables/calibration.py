"""A calibration as one page: what this machine lets a gate see, and the pairs in order of time as a plot."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence

import plotext
from rich.console import Console
from rich.table import Table as RichTable

from perfbench.gate.calibration.analysis import EARLY_LOOK, GROUP_SIZE, Calibration, Proportion, SlowdownDetection
from perfbench.gate.calibration.tool_scores import ToolScore
from perfbench.model import Run, describe_processor
from perfbench.util import formatting

PLOT_HEIGHT = 16
UNWRAPPED_WIDTH = 1000
PLOT_WIDTH = 100
DETECTS_NOTE = (
    "sees from: what is found in 95 % when unchanged code is called slower in 1 %, "
    "by the scatter of the tool's own ratio"
)
PAIR_COUNTS = (12, 24, 48, 96)


def render_calibration(run: Run, found: Calibration, slower: Sequence[SlowdownDetection]) -> str:
    """The page as text, of the run of unchanged code, what it says, and what slower code says."""
    assert run.settings.gate is not None
    case, cost = run.measurements[0].case, run.settings.gate.pairs[0].cost
    what = f"{case.scenario} {case.mode} {case.data} · {case.environment}, built twice"
    about = (
        f"{run.machine.python} · {describe_processor(run.machine)} · {run.machine.system} · load {run.machine.load:g}"
    )
    lines = [
        f"calibration · {what} · {found.pairs} pairs",
        *_indent_rows(_describe_noise(found, cost)),
        *_indent_rows(_describe_false_alarms(found)),
    ]
    if slower:
        lines += ["", *_indent_rows(_describe_detection(slower))]
    return "\n".join([*lines, "", f"  {about}"]) + "\n"


def plot_changes(differences: Sequence[float], *, color: bool) -> str:
    """The change that each pair says, in per cent, in order of time."""
    figure = plotext.figure
    figure.clear()
    plotext.terminal.limit(False, False)
    figure.theme("colorless")
    figure.plot_size(PLOT_WIDTH, PLOT_HEIGHT)
    changes = [100 * value for value in differences]
    figure.draw(figure.signal(range(1, len(changes) + 1), changes, marker=plotext.marker("braille", "blue")))
    text: str = figure.build().string(colorless=not color)
    lines = (line.rstrip() for line in text.rstrip("\n").split("\n"))
    return "\n".join(["  the change that each pair says, in %, in order of time", *lines]) + "\n"


def render_tool_scores(standings: Sequence[ToolScore]) -> str:
    """How other tools did on the same two builds and the same slow-downs, as a table."""
    sizes = [size for size, _ in standings[0].found]
    table = RichTable(box=None, pad_edge=False, padding=(0, 3, 0, 0), show_edge=False)
    table.add_column("  tool", no_wrap=True)
    for head in ("a comparison", "false alarms", *(f"finds {size:.1%}" for size in sizes), "sees from"):
        table.add_column(head, justify="right")
    for one in standings:
        found = dict(one.found)
        seen = f"{one.detectable:.1%}" if one.detectable < math.inf else ""
        table.add_row(
            f"  {one.tool}",
            f"{one.seconds:.0f} s",
            _format_rate(one.false_alarms),
            *(_format_share(found[size]) if size in found else "" for size in sizes),
            seen,
        )
    out = io.StringIO()
    console = Console(file=out, width=UNWRAPPED_WIDTH, highlight=False, emoji=False)
    console.print(table)
    console.print(f"  {DETECTS_NOTE}", soft_wrap=True)
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines()) + "\n"


def _indent_rows(rows: Iterator[tuple[str, str]]) -> list[str]:
    return [f"  {name:<34}{value}" for name, value in rows]


def _describe_noise(found: Calibration, cost: float) -> Iterator[tuple[str, str]]:
    low, high = found.bias_low, found.bias_high
    yield "sigma of a pair", f"{found.sigma:.2%}"
    yield (
        "bias of two builds of one release",
        f"{_format_signed(found.bias)} ({_format_signed(low)} to {_format_signed(high)})",
    )
    likeness = f"{found.autocorrelation:+.2f}".replace("-", "−")
    yield "likeness of neighbouring pairs", f"{likeness} (±{2 / found.pairs**0.5:.2f} is chance)"
    yield "a pair takes", formatting.format_seconds(cost)
    shown = sorted({*(pairs for pairs in PAIR_COUNTS if pairs <= found.looks[-1]), found.looks[-1]})
    seen = (f"{found.detectable(pairs):.1%} by {pairs}" for pairs in shown)
    yield "smallest change that is seen", ", ".join(seen) + " pairs"


def _describe_false_alarms(found: Calibration) -> Iterator[tuple[str, str]]:
    yield "false alarms of the gate", f"{_format_rate(found.live)} live, {_format_rate(found.resampled)} resampled"
    yield (
        "one side after the other",
        f"t-test of means: {_format_rate(found.mean)}; fastest pass + 5 %: {_format_rate(found.minimum)}",
    )
    yield "", f"(groups of {GROUP_SIZE} of the same passes)"


def _describe_detection(slower: Sequence[SlowdownDetection]) -> Iterator[tuple[str, str]]:
    for one in slower:
        interval = formatting.format_change_interval(one.low, one.high)
        recovered = "recovered" if one.recovered else "read: NOT recovered"
        yield (
            f"made slower by {one.injected:.2%}",
            f"{formatting.format_change(one.ratio)} ({interval}) {recovered} from {one.pairs} pairs; "
            f"found in {_format_share(one.found)}"
            + (f", by {EARLY_LOOK} in {_format_share(one.early)}" if one.pairs > EARLY_LOOK else ""),
        )


def _format_share(rate: Proportion) -> str:
    return f"{rate.share:.1%} of {rate.tried:,}"


def _format_rate(rate: Proportion) -> str:
    if not rate.tried:
        return "none tried"
    low, high = rate.interval
    return f"{rate.found} of {rate.tried:,} ({low:.1%} to {high:.1%})"


def _format_signed(value: float) -> str:
    return f"{100 * value:+.2f} %".replace("-", "−")
