"""A sweep on the terminal: its table, its plot, and the plot as a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TextIO

from perfbench.cli.console import detect_width, wants_color
from perfbench.model import Run
from perfbench.report import terminal_table, text_table
from perfbench.report.plots import sweep, sweep_terminal
from perfbench.report.sweep_result import build_sweep_chart
from perfbench.report.tables.sweep import build_sweep_table
from perfbench.sweep.trajectory import Trajectory


def show_sweep(run: Run, plot: Path | None, color: str, stream: TextIO | None = None) -> Trajectory:
    """Print table and plot, write the plot into its file, and return the trajectory. Raises StorageProblem for that file.

    :param stream: where to print; standard output by default.
    """
    out = stream or sys.stdout
    chart, plan = build_sweep_chart(run)
    colored, width = wants_color(out, color), detect_width(out)
    texts = build_sweep_table(chart.trajectory, plan, chart.title, chart.metric, chart.source)
    parts = terminal_table.build_parts(texts, width, marked_lines=True)
    out.write(text_table.render_text(*parts, width=width, color=colored))
    out.write(sweep_terminal.plot_chart(chart, min(120, width), color=colored))
    out.flush()
    if plot is not None:
        sweep.write_sweep_plot(chart, plot)
    return chart.trajectory
