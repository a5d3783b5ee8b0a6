"""A sweep on the terminal: its table, its plot, and the plot as a file."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from perfbench.cli.console import build_console, wants_color
from perfbench.model import Run, describe_processor
from perfbench.report import rows
from perfbench.report.plots import sweep, sweep_terminal
from perfbench.report.plots.axes import SweepChart
from perfbench.report.tables.comparison import FAILED_MARK
from perfbench.report.tables.sweep import build_sweep_table
from perfbench.report.text_table import TextTable
from perfbench.sweep import subject
from perfbench.sweep.steps import SamplingPlan
from perfbench.sweep.trajectory import Trajectory, build_trajectory

MARK_STYLES = {"▲": "green", "▼": "red", "=": "dim", "?": "yellow", FAILED_MARK: "red", "doubtful": "yellow"}


def read_trajectory(run: Run) -> tuple[Trajectory, SamplingPlan]:
    """The course of a saved sweep, and how it was measured."""
    swept = subject.read_subject(run)
    plan = SamplingPlan(subject.find_anchor(run), run.settings.rounds)
    return build_trajectory(subject.build_releases(swept, run), run.measurements, plan, rows.classify_output), plan


def show_sweep(run: Run, plot: Path | None, color: str) -> Trajectory:
    """Print table and plot, write the plot into its file, and return the course. Raises StorageProblem for that file."""
    found, plan = read_trajectory(run)
    metric = run.scenarios[0].metric.replace("_", " ").replace("cpu", "CPU")
    market = "".join(f" · {market.name}" for market in run.data)
    swept = subject.read_subject(run)
    title = f"{run.scenarios[0].name}{market} · {swept.subject} {swept.names[0]} → {swept.names[-1]}".replace("  ", " ")
    source = f"{run.machine.python} · {describe_processor(run.machine)} · perfbench {run.perfbench}"
    colored = wants_color(sys.stdout, color)
    _print_table(build_sweep_table(found, plan, title, metric, source), colored)
    chart = SweepChart(title, metric, source, found)
    sys.stdout.write(sweep_terminal.plot_chart(chart, min(120, build_console().width), color=colored))
    if plot is not None:
        sweep.write_sweep_plot(chart, plot)
    return found


def _print_table(texts: TextTable, colored: bool) -> None:
    console = Console(
        width=build_console().width, highlight=False, emoji=False, force_terminal=colored, no_color=not colored
    )
    console.print(Text(texts.title, style="bold"), soft_wrap=True)
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), show_edge=False)
    for number, head in enumerate(texts.heads):
        table.add_column(
            Text(f"  {head}" if number == 0 else head.replace(" ", "\n", 1)), justify="right" if number else "left"
        )
    for row in texts.rows:
        name = row[0] if row[0].startswith(FAILED_MARK) else f"  {row[0]}"
        table.add_row(style_line(name), *(Text(cell, style=MARK_STYLES.get(cell[-1:], "")) for cell in row[1:]))
    console.print(table)
    for line in texts.below:
        console.print(style_line(line if line.startswith(FAILED_MARK) else f"  {line}"), soft_wrap=True)


def style_line(line: str) -> Text:
    """A line in the colour of its mark."""
    words = line.split(maxsplit=1)
    return Text(line, style=MARK_STYLES.get(words[0].rstrip(":"), "") if words else "")
