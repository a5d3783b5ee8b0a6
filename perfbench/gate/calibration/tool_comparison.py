"""Comparisons by other tools on the same two builds of a release and the same slowdowns."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from perfbench.errors import NotMeasured, TrialFailed
from perfbench.gate.calibration.tools import TimeBudget, ToolSide, load_tool
from perfbench.model import SCHEMA, Case, CaseGroup, Machine, Run
from perfbench.results.store import DocumentStore
from perfbench.runner import trial
from perfbench.runner.time_limit import TimeLimit


@dataclass(frozen=True, slots=True)
class ToolMeasurement:
    """One comparison by a tool of two sides, the second slowed down by the share ``injected``; ``seconds`` of the clock."""

    tool: str
    injected: float
    seconds: float
    ratio: float
    slower: bool


@dataclass(frozen=True, slots=True)
class ToolComparison:
    """The saved document: every comparison in order of time, ``versions`` of the tools, and the seconds ``allowed`` for each.

    ``released``: the tools with the dates of these versions, as year-month-day; without those whose date is unknown.
    """

    schema: int
    calibration: str
    machine: Machine
    allowed: float
    versions: tuple[tuple[str, str], ...]
    compared: tuple[ToolMeasurement, ...]
    released: tuple[tuple[str, str], ...] = ()


AGAINST_SUFFIX = "-against"
TOOL_COMPARISONS = DocumentStore(f"{AGAINST_SUFFIX}.json", ToolComparison, "tool comparison", indent=1)
"""Saved tool comparisons, by the name of their calibration."""


@dataclass(frozen=True, slots=True)
class ComparisonPlan:
    """The tools, their number of comparisons of unchanged code (half as many per slowdown), and the time limit of each."""

    tools: tuple[str, ...]
    comparisons: int
    budget: TimeBudget

    @staticmethod
    def count(tools: int, comparisons: int, sizes: int) -> int:
        """The number of all comparisons."""
        return tools * (comparisons + sizes * (comparisons // 2))

    def list_comparisons(self, sizes: Sequence[float], seed: int) -> Iterator[tuple[str, float]]:
        """Tool and slowdown of every comparison; the tools alternate in random order, so that all see the same machine."""
        order = random.Random(seed)
        for number in range(self.comparisons):
            for size in (0.0, *(sizes if number % 2 else ())):
                for tool in order.sample(self.tools, len(self.tools)):
                    yield tool, size


def require_tools(tools: Sequence[str]) -> None:
    """Raises UsageProblem for an unknown tool, NotMeasured for one that cannot be run here."""
    for tool in tools:
        if reason := load_tool(tool).missing():
            raise NotMeasured(f"--against {tool}: {reason}")


def build_needs(tools: Sequence[str]) -> str:
    """Requirements of the tools, to append to the environment spec."""
    needs = dict.fromkeys(need for tool in tools for need in load_tool(tool).NEEDS)
    return "".join(f" {need}" for need in needs)


def run_comparisons(
    plan: ComparisonPlan,
    group: CaseGroup,
    sizes: Sequence[float],
    seed: int,
    observe: Callable[[str, float], None],
    limit: TimeLimit,
) -> Iterator[ToolMeasurement]:
    """Execute every comparison that there is time for, one of each tool in any case. Raises NotMeasured for a tool that fails.

    :param observe: receives what is done next, and the share that is done; :param limit: the time limit of the command.
    """
    before, after = (_build_side(group, case) for case in group.duets[0])
    comparisons = list(plan.list_comparisons(sizes, seed))
    spent: dict[str, float] = {}
    for number, (tool, size) in enumerate(comparisons):
        if spent.get(tool, 0.0) > limit.left:
            return
        observe(f"{tool}: " + (f"slowed down by {size:.2%}" if size else "unchanged code"), number / len(comparisons))
        slowed = replace(after, request=replace(after.request, slowdown=size))
        with tempfile.TemporaryDirectory(prefix="perfbench-") as folder:
            start = time.monotonic()
            try:
                outcome = load_tool(tool).compare(before, slowed, plan.budget, Path(folder))
            except TrialFailed as error:
                raise NotMeasured(f"{tool}: {error}") from error
            spent[tool] = time.monotonic() - start
            yield ToolMeasurement(tool, size, spent[tool], outcome.ratio, outcome.slower)


def _build_side(group: CaseGroup, case: Case) -> ToolSide:
    """What a tool measures of a case. Raises NotMeasured for an interpreter with flags, which no tool passes on."""
    environment = group.place(case).environment
    if environment.flags:
        raise NotMeasured(
            f"{environment.name}: other tools start an interpreter without flags",
            hint="set a variable instead, such as env:PYTHONOPTIMIZE=1 for -O",
        )
    return ToolSide(environment.python, trial.build_request("time", group, case), environment.variables)


def read_versions(tools: Sequence[str], group: CaseGroup) -> tuple[tuple[str, str], ...]:
    """The version of each tool in the environment of the group."""
    python = group.places[0].environment.python
    return tuple((tool, load_tool(tool).version(python)) for tool in tools)


def read_release_dates(versions: tuple[tuple[str, str], ...], group: CaseGroup) -> tuple[tuple[str, str], ...]:
    """The dates of these versions of tools, as year-month-day; without those that cannot be found out."""
    python = group.places[0].environment.python
    dates = ((tool, load_tool(tool).find_release_date(version, python)) for tool, version in versions)
    return tuple((tool, date) for tool, date in dates if date)


def compute_budget(run: Run) -> TimeBudget:
    """The time limit of a comparison: that of a gate, with the durations of its passes and start-ups in a calibration."""
    assert run.settings.gate is not None
    samples = [sample.metrics for measurement in run.measurements for sample in measurement.samples]
    passes, startups = (median(metrics[name] for metrics in samples) for name in ("cpu_seconds", "startup_seconds"))
    return TimeBudget(run.settings.gate.seconds, passes, startups)


def build_document(run: Run, plan: ComparisonPlan, group: CaseGroup) -> ToolComparison:
    """The document to save, without any comparison. Raises TrialFailed for a tool that does not say its version."""
    versions = read_versions(plan.tools, group)
    released = read_release_dates(versions, group)
    return ToolComparison(SCHEMA, run.id, run.machine, plan.budget.comparison, versions, (), released)


def format_document_name(calibration: str) -> str:
    """The name of the document that belongs to a calibration."""
    return f"{calibration}{AGAINST_SUFFIX}"


def save_document(comparison: ToolComparison, results: Path) -> Path:
    """Write the document; returns its path. Raises StorageProblem."""
    path = TOOL_COMPARISONS.locate(comparison.calibration, results)
    TOOL_COMPARISONS.save(comparison, path)
    return path


def load_document(calibration: str, results: Path) -> ToolComparison | None:
    """The document that belongs to a calibration; None if there is none. Raises StorageProblem."""
    path = TOOL_COMPARISONS.locate(calibration, results)
    return TOOL_COMPARISONS.load(path) if path.exists() else None
