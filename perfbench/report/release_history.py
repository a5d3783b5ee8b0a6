"""Histories of a folder of saved runs: which of them compare releases or commits of the same thing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from perfbench.environments import labels
from perfbench.model import Comparison, Run
from perfbench.report.model import Report
from perfbench.report.sweep_result import build_sweep_chart
from perfbench.sweep import subject
from perfbench.sweep.history import HistoryPoint, ReleaseEdge, build_history, find_disagreements, sort_releases
from perfbench.sweep.steps import CONFIDENCE, compute_standard_error

QUANTILE = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
HASH_CHARACTERS = 12


@dataclass(frozen=True, slots=True)
class HistoryKey:
    """What comparisons must share to be chained: the package or checkout, scenario, market by content, parameters, Python."""

    subject: str
    scenario: str
    data: str
    content: str
    parameters: str
    python: str

    @property
    def title(self) -> str:
        """``betfairlightweight · replay · PRO-1.170258213 · Python 3.11``."""
        python = f"Python {self.python}" if self.python else ""
        return " · ".join(filter(None, (self.subject, self.scenario, self.data, self.parameters, python)))


@dataclass(frozen=True, slots=True)
class MeasuredEdge:
    """A comparison of two releases in one mode."""

    key: HistoryKey
    mode: str
    edge: ReleaseEdge


@dataclass(frozen=True, slots=True)
class History:
    """The histories of the modes of one key over the same releases, and what does not agree."""

    key: HistoryKey
    releases: tuple[str, ...]
    lines: tuple[tuple[str, tuple[HistoryPoint, ...]], ...]
    disagreements: tuple[str, ...] = ()


def collect_edges(report: Report) -> tuple[MeasuredEdge, ...]:
    """The comparisons of releases in a run or a sweep; none of a corpus, of modes, or of two saved runs."""
    run = report.run
    if run.corpus is not None or not run.paired:
        return ()
    return tuple(_collect_sweep_edges(run) if run.settings.links else _collect_run_edges(report))


def build_histories(edges: Iterable[MeasuredEdge], order: Sequence[str] = ()) -> tuple[History, ...]:
    """The histories of all keys with two or more releases, the longest first.

    :param order: of releases that are no versions, the oldest first.
    """
    grouped: dict[HistoryKey, dict[str, list[ReleaseEdge]]] = {}
    for measured in edges:
        grouped.setdefault(measured.key, {}).setdefault(measured.mode, []).append(measured.edge)
    histories = [_build_history(key, modes, order) for key, modes in grouped.items()]
    shown = [history for history in histories if len(history.releases) > 1]
    return tuple(sorted(shown, key=lambda history: (-len(history.releases), history.key.title)))


def list_release_order(run: Run) -> tuple[str, ...]:
    """The releases or commits of a sweep, the oldest first; none of any other run."""
    return subject.read_subject(run).names if run.settings.links else ()


def _build_history(key: HistoryKey, modes: dict[str, list[ReleaseEdge]], order: Sequence[str]) -> History:
    names = {name for edges in modes.values() for edge in edges for name in (edge.before, edge.after)}
    in_order = [name for name in order if name in names]
    every = [name for edges in modes.values() for edge in edges for name in (edge.before, edge.after)]
    ordered = sort_releases([*in_order, *every])
    lines = [(mode, build_history(edges, ordered)) for mode, edges in modes.items()]
    lines = [(mode, points) for mode, points in lines if len(points) > 1]
    shown = {point.release for _, points in lines for point in points}
    disagreements = [
        f"{mode}: {first.before} → {first.after} is {first.ratio:.3f} in {first.run} and {second.ratio:.3f} in {second.run}"
        for mode, edges in modes.items()
        for first, second in find_disagreements(edges)
    ]
    return History(key, tuple(name for name in ordered if name in shown), tuple(lines), tuple(disagreements))


def _collect_sweep_edges(run: Run) -> Iterator[MeasuredEdge]:
    """The steps between neighbours; with an anchor the comparisons of every release with it."""
    chart, plan = build_sweep_chart(run)
    swept, anchor = subject.read_subject(run), subject.find_anchor(run)
    for line in chart.trajectory.lines:
        case = line.find_measurement(run.measurements).case
        key = _build_key(run, swept.subject, case.scenario, case.data, case.parameter_text, swept.specs)
        for point in line.points:
            step = point.step
            if anchor is None and step is not None:
                edge = ReleaseEdge(step.before, step.after, step.ratio, compute_standard_error(step, plan), run.id)
                yield MeasuredEdge(key, case.mode, edge)
            elif anchor is not None and point.relative is not None and point.release != anchor:
                error = _compute_error(point.low, point.high)
                yield MeasuredEdge(key, case.mode, ReleaseEdge(anchor, point.release, point.relative, error, run.id))


def _collect_run_edges(report: Report) -> Iterator[MeasuredEdge]:
    """The comparisons of one mode in two environments of one package."""
    run = report.run
    cases = {measurement.case.id: measurement.case for measurement in run.measurements}
    for table in report.tables:
        common, names = labels.split_side_names(table.sides) if table.sides else ("", ())
        if not common:
            continue
        named = dict(zip(table.sides, names, strict=True))
        key = _build_key(run, common, table.scenario, table.data, ",".join(table.parameter_texts), table.sides)
        for row in table.rows:
            before, after = cases.get(row.case_before), cases.get(row.case)
            if before is None or after is None or before.mode != after.mode or row.comparison is None:
                continue
            edge = _build_edge(named[before.environment], named[after.environment], row.comparison, run.id)
            yield MeasuredEdge(key, after.mode, edge)


def _build_edge(before: str, after: str, comparison: Comparison, run: str) -> ReleaseEdge:
    quantile = NormalDist().inv_cdf((1 + comparison.confidence) / 2)
    error = _compute_error(comparison.low, comparison.high, quantile)
    return ReleaseEdge(before, after, comparison.ratio, error, run)


def _compute_error(low: float, high: float, quantile: float = QUANTILE) -> float:
    """The standard error of a log ratio by its interval; infinite without one."""
    return math.log(high / low) / 2 / quantile if low > 0 and math.isfinite(high) else math.inf


def _build_key(
    run: Run, name: str, scenario: str, data: str, parameters: str, environments: Sequence[str]
) -> HistoryKey:
    content = next((market.sha256 for market in run.data if market.name == data), "")
    pythons = {
        ".".join(environment.version.split(".")[:2]) + environment.build
        for environment in run.environments
        if environment.name in environments and environment.version
    }
    return HistoryKey(name, scenario, data, content[:HASH_CHARACTERS], parameters, "/".join(sorted(pythons)))
