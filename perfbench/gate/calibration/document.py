"""A saved calibration: the run of unchanged code, that of the slowdowns, and the comparisons by other tools."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from perfbench.gate.calibration import session, tool_comparison
from perfbench.gate.calibration.analysis import Calibration, SlowdownDetection
from perfbench.gate.calibration.tool_comparison import TOOL_COMPARISONS, ToolComparison
from perfbench.gate.calibration.tool_scores import ToolScore, score_gate, score_tools
from perfbench.model import Run
from perfbench.results import page_document, storage
from perfbench.results.document import RUNS, check_run
from perfbench.results.store import read_document

SLOWER_KIND = "slowdown run"
"""The kind of the run of the slowdowns in a page, which is not the run that the page is about."""


@dataclass(frozen=True, slots=True)
class CalibrationResult:
    """The saved documents of a calibration, and what they say."""

    unchanged: Run
    slower: Run
    comparison: ToolComparison | None
    calibration: Calibration
    injected: tuple[SlowdownDetection, ...]

    @property
    def cost(self) -> float:
        """Wall-clock seconds of a pair."""
        return session.read_pair_cost(self.unchanged)

    @property
    def scores(self) -> tuple[ToolScore, ...]:
        """The score of the gate and of every other tool; empty where no other tool was compared."""
        if self.comparison is None:
            return ()
        return score_gate(self.calibration, self.injected, self.cost), *score_tools(self.comparison)

    @property
    def log_ratios(self) -> tuple[float, ...]:
        """The log ratios of the pairs of unchanged code, in order of time."""
        return session.read_log_ratios(self.unchanged, self.unchanged.duets[0])


def load_calibration(name: str, results: Path) -> CalibrationResult:
    """A saved calibration, by the name or the path of its first run, or of its page. Raises StorageProblem, NotMeasured."""
    path = RUNS.find(name, results)
    content = read_document(path)
    if page_document.is_page(content):
        return _read_page(path, content)
    slower = storage.load_run(RUNS.find(session.format_slowdown_name(path.stem), path.parent))
    return analyse(storage.load_run(path), slower, tool_comparison.load_document(path.stem, path.parent))


def analyse(unchanged: Run, slower: Run, comparison: ToolComparison | None) -> CalibrationResult:
    """The result of these documents. Raises NotMeasured for runs that are no calibration."""
    calibration = session.analyse_run(unchanged)
    return CalibrationResult(
        unchanged, slower, comparison, calibration, session.analyse_slowdown_run(slower, calibration)
    )


def _read_page(path: Path, page: bytes) -> CalibrationResult:
    runs = [
        check_run(path, RUNS.decode(path, page_document.extract_document(path, page, kind)))
        for kind in (RUNS.kind, SLOWER_KIND)
    ]
    kinds = page_document.list_kinds(path)
    comparison = None
    if TOOL_COMPARISONS.kind in kinds:
        content = page_document.extract_document(path, page, TOOL_COMPARISONS.kind)
        comparison = TOOL_COMPARISONS.decode(path, content)
    return analyse(runs[0], runs[1], comparison)
