"""A sweep on the terminal: its table, its plot, and the plot as a file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from perfbench.cli.console import detect_width, wants_color
from perfbench.model import Run
from perfbench.report import prose, selection, terminal_table, text_table
from perfbench.report.plots import sweep, sweep_terminal
from perfbench.report.plots.axes import SweepChart
from perfbench.report.selection import Condition
from perfbench.report.sweep_report import build_sweep_report
from perfbench.sweep.trajectory import Trajectory
from perfbench.util.formatting import make_printable


def show_sweep(
    run: Run,
    plot: Path | None,
    color: str,
    stream: TextIO | None = None,
    conditions: Sequence[Condition] = (),
) -> Trajectory:
    """Print table and plot, write the plot into its file, and return the trajectory. Raises StorageProblem for that file.

    :param stream: where to print; standard output by default.
    :param conditions: those of the modes and releases to show. Raises UsageProblem if none meets them.
    """
    out = stream or sys.stdout
    whole = report = build_sweep_report(run)
    if conditions:
        report = replace(report, trajectory=selection.select_points(report.trajectory, run, conditions))
    colored, width = wants_color(out, color), detect_width(out)
    parts = terminal_table.build_parts(report.build_table(), width, marked_lines=True)
    out.write(text_table.render_text(*parts, width=width, color=colored))
    if len(report.trajectory.releases) < len(whole.trajectory.releases):
        count = f"{len(report.trajectory.releases)} of {len(whole.trajectory.releases)} releases shown"
        text = f"{count}: {' '.join(map(str, conditions))}"
        out.write(prose.wrap_line(make_printable(text), width) + "\n")
    chart = SweepChart(report.title, report.metric, report.source, report.trajectory)
    out.write(sweep_terminal.plot_chart(chart, min(120, width), color=colored))
    out.flush()
    if plot is not None:
        sweep.write_sweep_plot(chart, plot)
    return whole.trajectory
