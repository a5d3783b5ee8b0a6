"""A saved sweep over releases as its trajectory, with the captions of its plots."""

from __future__ import annotations

from perfbench.model import Run
from perfbench.report.plots.axes import SweepChart
from perfbench.report.sweep_report import build_sweep_report
from perfbench.sweep.steps import SamplingPlan
from perfbench.sweep.trajectory import Trajectory


def build_sweep_chart(run: Run) -> tuple[SweepChart, SamplingPlan]:
    """The trajectory of a saved sweep with its captions, and its sampling plan. Raises StorageProblem for a damaged document."""
    report = build_sweep_report(run)
    return SweepChart(report.title, report.metric, report.source, report.trajectory), report.plan


def read_trajectory(run: Run) -> tuple[Trajectory, SamplingPlan]:
    """The trajectory of a saved sweep, and its sampling plan. Raises StorageProblem for a damaged document."""
    report = build_sweep_report(run)
    return report.trajectory, report.plan
