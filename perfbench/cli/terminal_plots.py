"""Plots on the terminal, which accompany a table unasked: without the extra ``plots`` a note on standard error replaces them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache

from perfbench.profiling.memory.curve import MemoryCurve
from perfbench.report.model import Figure
from perfbench.report.plots.axes import SweepChart
from perfbench.util.extras import describe_omission, has_extra

MAX_PLOT_WIDTH = 120


def plot_figures(figures: Sequence[Figure], width: int, *, color: bool) -> str:
    """A plot of each figure of a parameter sweep, each after an empty line; empty without the extra."""
    if not figures:
        return ""
    if not has_extra("plots"):
        return omit_plots()
    from perfbench.report.plots import crossover_terminal  # noqa: PLC0415 - an extra

    limit = min(MAX_PLOT_WIDTH, width)
    return "".join("\n" + crossover_terminal.plot_figure(figure, limit, color=color) for figure in figures)


def plot_sweep(chart: SweepChart, width: int, *, color: bool) -> str:
    """The plot of a sweep over releases; empty without the extra."""
    if not has_extra("plots"):
        return omit_plots()
    from perfbench.report.plots import sweep_terminal  # noqa: PLC0415 - an extra

    return sweep_terminal.plot_chart(chart, min(MAX_PLOT_WIDTH, width), color=color)


def plot_pairs(differences: Sequence[float], width: int, *, color: bool) -> str:
    """The plot of the pairs of a calibration, after an empty line; empty without the extra."""
    if not has_extra("plots"):
        return omit_plots()
    from perfbench.report.plots import calibration_terminal  # noqa: PLC0415 - an extra

    return "\n" + calibration_terminal.plot_changes(differences, color=color, width=width)


def plot_memory(curves: Sequence[MemoryCurve], width: int, *, color: bool) -> str:
    """The plot of memory over time; empty without the extra."""
    if not has_extra("plots"):
        return omit_plots()
    from perfbench.report.plots import memory  # noqa: PLC0415 - an extra

    return memory.plot_in_terminal(curves, width, color=color)


@cache
def omit_plots() -> str:
    """No text; says once on standard error that plots are left out, and what installs them."""
    print(f"note: {describe_omission('plots', 'plots')}", file=sys.stderr)
    return ""
