"""A saved sweep over releases as its trajectory, with the captions of its table and its plots."""

from __future__ import annotations

from functools import partial

from perfbench.model import CPU_SECONDS, METRICS, Run
from perfbench.report import output_match
from perfbench.report.plots.axes import SweepChart
from perfbench.sweep import parts, subject
from perfbench.sweep.steps import SamplingPlan
from perfbench.sweep.trajectory import Trajectory, build_trajectory


def build_sweep_chart(run: Run) -> tuple[SweepChart, SamplingPlan]:
    """The trajectory of a saved sweep with its captions, and its sampling plan."""
    trajectory, plan = read_trajectory(run)
    market = "".join(f" · {market.name}" for market in run.data)
    swept = subject.read_subject(run)
    scenario, metric = find_scenario(run)
    title = f"{scenario}{market} · {swept.subject} {swept.names[0]} → {swept.names[-1]}".replace("  ", " ")
    return SweepChart(title, METRICS[metric].label, parts.describe_source(run), trajectory), plan


def find_scenario(run: Run) -> tuple[str, str]:
    """The name and the metric of the scenario that was swept, also of a document without its description."""
    scenario = next(iter(run.scenarios), None)
    if scenario is not None:
        return scenario.name, scenario.metric
    measurement = next(iter(run.measurements), None)
    if measurement is not None:
        return measurement.case.scenario, measurement.metric
    return ", ".join(run.settings.scenarios), CPU_SECONDS.name


def read_trajectory(run: Run) -> tuple[Trajectory, SamplingPlan]:
    """The trajectory of a saved sweep, and its sampling plan."""
    swept = subject.read_subject(run)
    plan = SamplingPlan(subject.find_anchor(run), run.settings.rounds)
    is_program = any(scenario.program for scenario in run.scenarios)
    classify = partial(output_match.classify_output, is_program=is_program)
    releases = subject.build_releases(swept, run)
    return build_trajectory(releases, run.measurements, plan, classify, run.duets, is_program=is_program), plan
