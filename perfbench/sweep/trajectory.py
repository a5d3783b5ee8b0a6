"""Trajectory of every mode over the releases of a sweep.

A release relative to the first one is the product of the steps up to it. Steps come from different pairs, so the variances of their
logarithms add up (``steps.compute_standard_error``). With an anchor a release relative to it is what was measured.

A release that could not be installed is passed over: the step goes from the last good one to the next good one. A mode that gave no
pairs in one of the good ones breaks its trajectory there: what follows has no measured reference and is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist, median

from perfbench.model import Measurement
from perfbench.stats import pairs
from perfbench.sweep.steps import (
    CONFIDENCE,
    ReleaseStep,
    SamplingPlan,
    compute_standard_error,
    estimate_anchored_step,
    estimate_paired_step,
    mark_significant_steps,
)

ClassifyOutput = Callable[[Measurement, Measurement], str]


@dataclass(frozen=True, slots=True)
class SweepRelease:
    """One point of a sweep: its name as shown, its environment, and in one line why it could not be measured, if so."""

    name: str
    environment: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class TrajectoryPoint:
    """A release in one mode: its median seconds, and its cost relative to the reference with a 95 % interval.

    None is what was not measured; ``step`` is the one that leads here, ``problem`` the reason for missing values.
    """

    release: str
    seconds: float | None
    relative: float | None
    low: float
    high: float
    step: ReleaseStep | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ModeTrajectory:
    """The trajectory of one mode, a point for each release; ``reference`` is the release whose cost is 1."""

    mode: str
    reference: str
    points: tuple[TrajectoryPoint, ...]


@dataclass(frozen=True, slots=True)
class Trajectory:
    """A whole sweep. The points of every line are in the order of ``releases``."""

    releases: tuple[SweepRelease, ...]
    lines: tuple[ModeTrajectory, ...]

    @property
    def steps(self) -> tuple[ReleaseStep, ...]:
        """Every step of every mode."""
        return tuple(point.step for line in self.lines for point in line.points if point.step is not None)


def build_trajectory(
    releases: Sequence[SweepRelease],
    measurements: Sequence[Measurement],
    plan: SamplingPlan,
    same_output: ClassifyOutput,
    *,
    is_program: bool = False,
) -> Trajectory:
    """Build all steps of a sweep, classified together, and their products.

    :param measurements: every mode in every environment; one of them may be a side of pairs with several others.
    :param same_output: what to say of the outputs of two measurements between which there is a step.
    :param is_program: they are of a program, whose releases may read other numbers of updates for the same orders.
    """
    modes = tuple(dict.fromkeys(measurement.case.mode for measurement in measurements))
    by_place = {(m.case.mode, m.case.environment): m for m in measurements}
    lines = []
    for mode in modes:
        measurements_by_release = {r.name: by_place.get((mode, r.environment)) for r in releases}
        of_mode = _ModeMeasurements(mode, releases, measurements_by_release, plan, is_program)
        lines.append(_build_mode_trajectory(of_mode, same_output))
    steps = mark_significant_steps(point.step for line in lines for point in line.points if point.step is not None)
    return Trajectory(tuple(releases), tuple(_apply_verdicts(line, steps) for line in lines))


@dataclass(frozen=True, slots=True)
class _ModeMeasurements:
    """What was measured of one mode."""

    name: str
    releases: Sequence[SweepRelease]
    measured: dict[str, Measurement | None]
    plan: SamplingPlan
    is_program: bool

    @property
    def good(self) -> list[str]:
        """The releases that could be installed, from the first on in which this mode works."""
        names = [release.name for release in self.releases if not release.problem]
        first = next((number for number, name in enumerate(names) if self._works_in(name)), len(names))
        return names[first:]

    def _works_in(self, release: str) -> bool:
        """Whether it has seconds, or only has none because its work differs from that of the release that it was paired with."""
        measurement = self.measured[release]
        if measurement is None or self.seconds(release) is not None:
            return measurement is not None
        less = ((other, d) for other in self.measured.values() if other for d in other.differences if d.less_work)
        return any(measurement.case.id in (other.case.id, difference.against) for other, difference in less)

    def seconds(self, release: str) -> float | None:
        """The median of the metric of the comparison, over all pairs."""
        measurement = self.measured[release]
        if measurement is None:
            return None
        metric = pairs.choose_metric(measurement.samples, measurement.metric)
        values = pairs.select_values(measurement.samples, metric, "duet")
        return median(values) if values else None

    def problem(self, release: str) -> str:
        """Why there is nothing of a release, in one line."""
        measurement = self.measured[release]
        if measurement is None:
            return next(r.problem for r in self.releases if r.name == release) or "not measured"
        return measurement.failures[0].message if measurement.failures else "no pairs"

    def differences(self, before: str, after: str) -> tuple[list[float], str]:
        """The log ratios of the pairs of two releases, or why there are none: different work has no ratio."""
        first, second = self.measured[before], self.measured[after]
        if first is None or second is None:
            return [], self.problem(before if first is None else after)
        works = [{sample.work for sample in side.timed} for side in (first, second)]
        less = any(difference.less_work for difference in second.differences if difference.against == first.case.id)
        if less or max(map(len, works if self.is_program else [works[0] | works[1]])) > 1:
            checked = [set() if side.output is None else {side.output.updates} for side in (first, second)]
            shown = [timed or other for timed, other in zip(works, checked, strict=True)]
            done = [", ".join(f"{work:,}" for work in sorted(side)) for side in shown]
            return [], f"{done[0]} {first.unit} before and {done[1]} after: the work differs, no ratio"
        metric = pairs.choose_metric((*first.samples, *second.samples), second.metric)
        log_ratios = pairs.compute_log_ratios(first.samples, second.samples, metric)
        return log_ratios, "" if log_ratios else self.problem(
            after if second.failures or not first.failures else before
        )


def _build_mode_trajectory(mode: _ModeMeasurements, same_output: ClassifyOutput) -> ModeTrajectory:
    walk = _chain_points if mode.plan.anchor is None else _anchor_points
    points = {point.release: point for point in walk(mode)}
    result = []
    for release in mode.releases:
        point = points.get(release.name) or _build_missing_point(release.name, mode.problem(release.name))
        if point.step is not None:
            before, after = mode.measured[point.step.before], mode.measured[point.step.after]
            output = same_output(before, after) if before is not None and after is not None else ""
            point = replace(point, step=replace(point.step, output=output))
        result.append(replace(point, seconds=mode.seconds(release.name)))
    return ModeTrajectory(mode.name, mode.plan.anchor or next(iter(mode.good), ""), tuple(result))


def _apply_verdicts(line: ModeTrajectory, steps: dict[tuple[str, str], ReleaseStep]) -> ModeTrajectory:
    points = (s if s.step is None else replace(s, step=steps[line.mode, s.release]) for s in line.points)
    return replace(line, points=tuple(points))


def _chain_points(mode: _ModeMeasurements) -> Iterator[TrajectoryPoint]:
    """The points of releases that were each paired with the one before."""
    level, variance, broken = 0.0, 0.0, ""
    for number, release in enumerate(mode.good):
        if number == 0:
            yield _build_point(release, level, 0.0, None)
            continue
        before = mode.good[number - 1]
        differences, problem = mode.differences(before, release)
        if not differences:
            broken = f"{before} → {release}: {problem}"
            yield _build_missing_point(release, broken)
            continue
        step = estimate_paired_step(mode.name, before, release, differences, mode.plan)
        level += math.log(step.ratio)
        variance += compute_standard_error(step, mode.plan) ** 2
        yield (
            replace(_build_missing_point(release, broken), step=step)
            if broken
            else _build_point(release, level, variance, step)
        )


def _anchor_points(mode: _ModeMeasurements) -> Iterator[TrajectoryPoint]:
    """The points of releases that were each paired with the anchor."""
    anchor = mode.plan.anchor or ""
    rows: dict[str, list[float]] = {}
    last: str | None = None
    for release in mode.good:
        if release == anchor:
            rows[release] = []
            yield _build_point(release, 0.0, 0.0, _build_step(mode, last, release, rows))
        else:
            rows[release], problem = mode.differences(anchor, release)
            if not rows[release]:
                yield _build_missing_point(release, f"{anchor} → {release}: {problem}")
                continue
            whole = estimate_paired_step(mode.name, anchor, release, rows[release], mode.plan)
            variance = compute_standard_error(whole, mode.plan) ** 2
            yield _build_point(release, math.log(whole.ratio), variance, _build_step(mode, last, release, rows))
        last = release


def _build_step(
    mode: _ModeMeasurements, before: str | None, after: str, rows: dict[str, list[float]]
) -> ReleaseStep | None:
    """The step between two neighbours; where one of them is the anchor they are a pair themselves."""
    anchor = mode.plan.anchor
    if before is None:
        return None
    if before == anchor:
        return estimate_paired_step(mode.name, before, after, rows[after], mode.plan)
    if after == anchor:
        return estimate_paired_step(mode.name, before, after, [-log for log in rows[before]], mode.plan)
    return estimate_anchored_step(mode.name, before, after, rows[before], rows[after], mode.plan)


def _build_point(release: str, level: float, variance: float, step: ReleaseStep | None) -> TrajectoryPoint:
    width = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * math.sqrt(variance)
    return TrajectoryPoint(release, None, math.exp(level), math.exp(level - width), math.exp(level + width), step)


def _build_missing_point(release: str, problem: str) -> TrajectoryPoint:
    return TrajectoryPoint(release, None, None, 0.0, math.inf, None, problem)
