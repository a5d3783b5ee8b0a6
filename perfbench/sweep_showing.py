"""A sweep on the terminal: its table, its plot, and the plot as a file."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from perfbench import plotting, screens, sweep_table, sweeping, tabulating, terminal_plotting, wording
from perfbench.charting import Chart
from perfbench.course import Course, course
from perfbench.layout import FAILED, Cells
from perfbench.model import Run
from perfbench.stepping import Plan

STYLES = {"▲": "green", "▼": "red", "=": "dim", "?": "yellow", FAILED: "red", "doubtful": "yellow"}


def found_in(run: Run) -> tuple[Course, Plan]:
    """The course of a saved sweep, and how it was measured."""
    swept = sweeping.range_of(run)
    plan = Plan(sweeping.anchor_of(run), run.settings.rounds)
    return course(sweeping.stops(swept, run), run.measurements, plan, tabulating.output_told), plan


def show(run: Run, plot: Path | None, color: str) -> Course:
    """Print table and plot, write the plot into its file, and return the course. Raises StorageProblem for that file."""
    found, plan = found_in(run)
    metric = run.scenarios[0].metric.replace("_", " ").replace("cpu", "CPU")
    market = "".join(f" · {market.name}" for market in run.data)
    swept = sweeping.range_of(run)
    title = f"{run.scenarios[0].name}{market} · {swept.subject} {swept.names[0]} → {swept.names[-1]}".replace("  ", " ")
    source = f"{run.machine.python} · {wording.processor(run.machine)} · perfbench {run.perfbench}"
    colored = screens.colored(sys.stdout, color)
    _print(sweep_table.cells(found, plan, title, metric, source), colored)
    chart = Chart(title, metric, source, found)
    sys.stdout.write(terminal_plotting.terminal_plot(chart, min(120, screens.console().width), color=colored))
    if plot is not None:
        plotting.write_plot(chart, plot)
    return found


def _print(texts: Cells, colored: bool) -> None:
    console = Console(
        width=screens.console().width, highlight=False, emoji=False, force_terminal=colored, no_color=not colored
    )
    console.print(Text(texts.title, style="bold"), soft_wrap=True)
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), show_edge=False)
    for number, head in enumerate(texts.heads):
        table.add_column(
            Text(f"  {head}" if number == 0 else head.replace(" ", "\n", 1)), justify="right" if number else "left"
        )
    for row in texts.rows:
        name = row[0] if row[0].startswith(FAILED) else f"  {row[0]}"
        table.add_row(styled(name), *(Text(cell, style=STYLES.get(cell[-1:], "")) for cell in row[1:]))
    console.print(table)
    for line in texts.below:
        console.print(styled(line if line.startswith(FAILED) else f"  {line}"), soft_wrap=True)


def styled(line: str) -> Text:
    """A line in the colour of its mark."""
    words = line.split(maxsplit=1)
    return Text(line, style=STYLES.get(words[0].rstrip(":"), "") if words else "")
