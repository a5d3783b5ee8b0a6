"""A sweep on the terminal: its table, its plot, and the plot as a file."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TextIO

from perfbench.cli import terminal_plots
from perfbench.cli.console import detect_width, wants_color
from perfbench.model import METRICS, Run, describe_processor
from perfbench.report import output_match, terminal_table, text_table
from perfbench.report.plots.axes import SweepChart
from perfbench.report.tables.sweep import build_sweep_table
from perfbench.sweep import subject
from perfbench.sweep.steps import SamplingPlan
from perfbench.sweep.trajectory import Trajectory, build_trajectory
from perfbench.util.extras import require_extra


def read_trajectory(run: Run) -> tuple[Trajectory, SamplingPlan]:
    """The trajectory of a saved sweep, and its sampling plan."""
    swept = subject.read_subject(run)
    plan = SamplingPlan(subject.find_anchor(run), run.settings.rounds)
    is_program = any(scenario.program for scenario in run.scenarios)
    classify = partial(output_match.classify_output, is_program=is_program)
    return build_trajectory(subject.build_releases(swept, run), run.measurements, plan, classify), plan


def show_sweep(run: Run, plot: Path | None, color: str, stream: TextIO | None = None) -> Trajectory:
    """Print table and plot, write the plot into its file, and return the trajectory. Raises StorageProblem for that file.

    :param stream: where to print; standard output by default.
    """
    out = stream or sys.stdout
    trajectory, plan = read_trajectory(run)
    metric = METRICS[run.scenarios[0].metric].label
    market = "".join(f" · {market.name}" for market in run.data)
    swept = subject.read_subject(run)
    title = f"{run.scenarios[0].name}{market} · {swept.subject} {swept.names[0]} → {swept.names[-1]}".replace("  ", " ")
    source = f"{run.machine.python} · {describe_processor(run.machine)} · perfbench {run.perfbench}"
    colored, width = wants_color(out, color), detect_width(out)
    texts = build_sweep_table(trajectory, plan, title, metric, source)
    parts = terminal_table.build_parts(texts, width, marked_lines=True)
    out.write(text_table.render_text(*parts, width=width, color=colored))
    chart = SweepChart(title, metric, source, trajectory)
    out.write(terminal_plots.plot_sweep(chart, width, color=colored))
    out.flush()
    if plot is not None:
        require_extra("plots", "--plot", "matplotlib")
        from perfbench.report.plots import sweep  # noqa: PLC0415 - an extra

        sweep.write_sweep_plot(chart, plot)
    return trajectory
