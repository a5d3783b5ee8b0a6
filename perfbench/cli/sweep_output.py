"""A sweep on the terminal: its table, its plot, and the plot as a file."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.text import Text

from perfbench.cli.console import build_console, wants_color
from perfbench.model import METRICS, Run, describe_processor
from perfbench.report import rows, text_table
from perfbench.report.plots import sweep, sweep_terminal
from perfbench.report.plots.axes import SweepChart
from perfbench.report.tables.comparison import FAILED_MARK
from perfbench.report.tables.sweep import build_sweep_table
from perfbench.report.text_table import TextTable
from perfbench.sweep import subject
from perfbench.sweep.steps import SamplingPlan
from perfbench.sweep.trajectory import Trajectory, build_trajectory

MARK_STYLES = {"▲": "green", "▼": "red", "=": "dim", "?": "yellow", FAILED_MARK: "red", "warning": "yellow"}


def read_trajectory(run: Run) -> tuple[Trajectory, SamplingPlan]:
    """The trajectory of a saved sweep, and its sampling plan."""
    swept = subject.read_subject(run)
    plan = SamplingPlan(subject.find_anchor(run), run.settings.rounds)
    return build_trajectory(subject.build_releases(swept, run), run.measurements, plan, rows.classify_output), plan


def show_sweep(run: Run, plot: Path | None, color: str) -> Trajectory:
    """Print table and plot, write the plot into its file, and return the trajectory. Raises StorageProblem for that file."""
    trajectory, plan = read_trajectory(run)
    metric = METRICS[run.scenarios[0].metric].label
    market = "".join(f" · {market.name}" for market in run.data)
    swept = subject.read_subject(run)
    title = f"{run.scenarios[0].name}{market} · {swept.subject} {swept.names[0]} → {swept.names[-1]}".replace("  ", " ")
    source = f"{run.machine.python} · {describe_processor(run.machine)} · perfbench {run.perfbench}"
    colored = wants_color(sys.stdout, color)
    _print_table(build_sweep_table(trajectory, plan, title, metric, source), colored)
    chart = SweepChart(title, metric, source, trajectory)
    sys.stdout.write(sweep_terminal.plot_chart(chart, min(120, build_console().width), color=colored))
    if plot is not None:
        sweep.write_sweep_plot(chart, plot)
    return trajectory


def _print_table(texts: TextTable, colored: bool) -> None:
    table = text_table.new_plain_table()
    for number, head in enumerate(texts.heads):
        table.add_column(
            Text(f"  {head}" if number == 0 else head.replace(" ", "\n", 1)), justify="right" if number else "left"
        )
    for row in texts.rows:
        name = row[0] if row[0].startswith(FAILED_MARK) else f"  {row[0]}"
        table.add_row(style_line(name), *(Text(cell, style=MARK_STYLES.get(cell[-1:], "")) for cell in row[1:]))
    below = [style_line(line if line.startswith(FAILED_MARK) else f"  {line}") for line in texts.below]
    title = Text(texts.title, style="bold")
    sys.stdout.write(text_table.render_text(title, table, *below, width=build_console().width, color=colored))


def style_line(line: str) -> Text:
    """A line in the colour of its mark."""
    words = line.split(maxsplit=1)
    return Text(line, style=MARK_STYLES.get(words[0].rstrip(":"), "") if words else "")
