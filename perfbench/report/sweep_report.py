"""What a saved release sweep says: its trajectory, computed from the raw samples, and the texts around it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from perfbench.errors import StorageProblem
from perfbench.model import CPU_SECONDS, METRICS, Run
from perfbench.report import output_match
from perfbench.report.tables.sweep import build_sweep_table, describe_sweep_parts
from perfbench.report.text_table import TextTable
from perfbench.sweep import parts, subject
from perfbench.sweep.steps import ReleaseStep, SamplingPlan
from perfbench.sweep.trajectory import Trajectory, build_trajectory


@dataclass(frozen=True, slots=True)
class SweepReport:
    """A trajectory with its sampling plan; ``tested`` are all steps of the sweep, also those of modes that are not shown.

    ``metric`` is the label of its seconds, ``source`` names Python, machine and perfbench; ``parted`` are lines about the parts of
    an extended sweep.
    """

    trajectory: Trajectory
    plan: SamplingPlan
    title: str
    metric: str
    source: str
    tested: tuple[ReleaseStep, ...]
    parted: tuple[str, ...] = ()

    def build_table(self) -> TextTable:
        """Its text table."""
        return build_sweep_table(
            self.trajectory, self.plan, self.title, self.metric, self.source, self.parted, self.tested
        )


def build_sweep_report(run: Run) -> SweepReport:
    """The report of a saved sweep, with every mode and release in its trajectory.

    Raises StorageProblem for a document that names no releases, or an anchor that is none of them.
    """
    specs = run.settings.environments[0] if run.settings.environments else ()
    if not specs:
        raise StorageProblem(f"{run.id} is damaged: its settings name no releases of a sweep", hint="measure it again")
    swept = subject.read_subject(run)
    plan = SamplingPlan(subject.find_anchor(run), run.settings.rounds)
    is_program = any(scenario.program for scenario in run.scenarios)
    classify = partial(output_match.classify_output, is_program=is_program)
    market = "".join(f" · {market.name}" for market in run.data)
    name, metric = find_scenario(run)
    title = f"{name}{market} · {swept.subject} {swept.names[0]} → {swept.names[-1]}".replace("  ", " ")
    releases = subject.build_releases(swept, run)
    trajectory = build_trajectory(releases, run.measurements, plan, classify, run.duets, is_program=is_program)
    return SweepReport(
        trajectory,
        plan,
        title,
        METRICS.get(metric, CPU_SECONDS).label,
        parts.describe_source(run),
        trajectory.steps,
        describe_sweep_parts(run),
    )


def find_scenario(run: Run) -> tuple[str, str]:
    """The name and the metric of the scenario that was swept; of an old document without its description those of its cases."""
    for scenario in run.scenarios:
        return scenario.name, scenario.metric
    for measurement in run.measurements:
        return measurement.case.scenario, measurement.metric
    return "", CPU_SECONDS.name
