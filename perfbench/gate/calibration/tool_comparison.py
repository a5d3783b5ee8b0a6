"""Other tools on the same two builds of a release, and on the same slow-downs: how often each is wrong, and what it sees."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import msgspec

from perfbench.errors import NotMeasured, StorageProblem, TrialFailed
from perfbench.gate.calibration.tools import TimeBudget, ToolSide, load_tool
from perfbench.model import CaseGroup, Machine, Run
from perfbench.runner import trial
from perfbench.util import files

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class ToolMeasurement:
    """What one comparison by a tool said of a side after that was slower by the share ``injected``; ``seconds`` by the clock."""

    tool: str
    injected: float
    seconds: float
    ratio: float
    slower: bool


@dataclass(frozen=True, slots=True)
class ToolComparison:
    """The saved document: every comparison in order of time, by tools with their ``versions``, each ``allowed`` seconds."""

    schema: int
    calibration: str
    machine: Machine
    allowed: float
    versions: tuple[tuple[str, str], ...]
    compared: tuple[ToolMeasurement, ...]


@dataclass(frozen=True, slots=True)
class ComparisonPlan:
    """Which tools compare, how often each of them unchanged code (half as often each slow-down), and how long it may take."""

    tools: tuple[str, ...]
    comparisons: int
    pace: TimeBudget

    def rounds(self, sizes: Sequence[float], seed: int) -> Iterator[tuple[str, float]]:
        """Tool and size of every comparison, tools by turns in random order, so that all see the same machine."""
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
    """What the spec of the environments gets behind it, so that they bring what the tools need."""
    return "".join(f" {need}" for tool in tools for need in load_tool(tool).NEEDS)


def run_comparisons(
    contest: ComparisonPlan, table: CaseGroup, sizes: Sequence[float], seed: int, observe: Callable[[str, float], None]
) -> Iterator[ToolMeasurement]:
    """Every comparison, as it comes. Raises NotMeasured for a tool that fails.

    :param observe: told what is done next, and the share that is done.
    """
    before, after = (
        ToolSide(table.place(case).environment.python, trial.build_request("time", table, case))
        for case in table.duets[0]
    )
    plan = list(contest.rounds(sizes, seed))
    for number, (tool, size) in enumerate(plan):
        observe(f"{tool}: " + (f"made slower by {size:.2%}" if size else "unchanged code"), number / len(plan))
        slowed = replace(after, request=replace(after.request, burn=size))
        with tempfile.TemporaryDirectory(prefix="perfbench-") as folder:
            start = time.monotonic()
            try:
                found = load_tool(tool).compare(before, slowed, contest.pace, Path(folder))
            except TrialFailed as error:
                raise NotMeasured(f"{tool}: {error}") from error
            yield ToolMeasurement(tool, size, time.monotonic() - start, found.ratio, found.slower)


def read_versions(tools: Sequence[str], table: CaseGroup) -> tuple[tuple[str, str], ...]:
    """The version of each tool in the environment of the table."""
    python = table.places[0].environment.python
    return tuple((tool, load_tool(tool).version(python)) for tool in tools)


def compute_pace(run: Run) -> TimeBudget:
    """How long a comparison may take: as long as a gate, and what its passes and start-ups took in a calibration."""
    assert run.settings.gate is not None
    samples = [sample.metrics for measurement in run.measurements for sample in measurement.samples]
    passes, startups = (median(one[name] for one in samples) for name in ("cpu_seconds", "startup_seconds"))
    return TimeBudget(run.settings.gate.seconds, passes, startups)


def build_document(
    run: Run, contest: ComparisonPlan, versions: tuple[tuple[str, str], ...], compared: Sequence[ToolMeasurement]
) -> ToolComparison:
    """What is saved."""
    return ToolComparison(SCHEMA, run.id, run.machine, contest.pace.comparison, versions, tuple(compared))


def format_document_name(calibration: str) -> str:
    """What the document that belongs to a calibration is called."""
    return f"{calibration}-against"


def locate_document(calibration: str, results: Path) -> Path:
    """Where the document that belongs to a calibration lies."""
    return results / f"{format_document_name(calibration)}.json"


def save_document(rivalry: ToolComparison, results: Path) -> Path:
    """Write the document, whole. Raises StorageProblem."""
    target = locate_document(rivalry.calibration, results)
    files.write_atomically(target, msgspec.json.format(msgspec.json.encode(rivalry), indent=1) + b"\n")
    return target


def load_document(calibration: str, results: Path) -> ToolComparison | None:
    """The document that belongs to a calibration; None if there is none. Raises StorageProblem."""
    source = locate_document(calibration, results)
    if not source.exists():
        return None
    try:
        found = msgspec.json.decode(source.read_bytes(), type=ToolComparison)
    except (OSError, msgspec.MsgspecError) as error:
        raise StorageProblem(f"{source} is damaged ({error}): measure it again") from error
    if found.schema != SCHEMA:
        raise StorageProblem(f"{source} has schema {found.schema}, this perfbench reads {SCHEMA}")
    return found
