"""A sweep on the terminal: its table, its plot, and the plot as a file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from perfbench.cli import terminal_plots
from perfbench.cli.console import detect_width, wants_color
from perfbench.errors import NotMeasured, OutputsDiffer
from perfbench.model import OutputMatch, Run
from perfbench.report import prose, selection, terminal_table, text_table
from perfbench.report.plots.axes import SweepChart
from perfbench.report.selection import Condition
from perfbench.report.sweep_report import build_sweep_report
from perfbench.sweep.trajectory import Trajectory
from perfbench.util.extras import require_extra
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
    out.write(terminal_plots.plot_sweep(chart, width, color=colored))
    out.flush()
    if plot is not None:
        require_extra("plots", "--plot", "matplotlib")
        from perfbench.report.plots import sweep  # noqa: PLC0415 - an extra

        sweep.write_sweep_plot(chart, plot)
    return whole.trajectory


def check_sweep_status(run: Run, trajectory: Trajectory) -> None:
    """Raise OutputsDiffer or NotMeasured if a release of a sweep has another output or was not measured.

    Of an extended sweep only new releases count: what its earlier parts lacked was reported when they were measured.
    """
    old = {spec for part in run.earlier for group in part.settings.environments for spec in group}
    new = {release.name for release in trajectory.releases if release.environment not in old}
    points = [point for line in trajectory.lines for point in line.points]
    steps = [step for step in trajectory.steps if {step.before, step.after} & new]
    if any(step.output == OutputMatch.DIFFERENT for step in steps):
        raise OutputsDiffer('not every release gives the same output (see the lines marked "!")')
    reported = run.earlier[-1].problems if run.earlier else ()
    missing = [point for point in points if point.problem and point.step is None and point.release in new]
    if missing or any(line not in reported for line in run.problems):
        raise NotMeasured('not every release was measured (see the lines marked "!")')
