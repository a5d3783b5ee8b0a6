"""Trajectory of every mode over the releases of a sweep.

A release relative to the first one is the product of the steps up to it. Steps come from different pairs, so the variances of their
logarithms add up (``steps.compute_standard_error``). With an anchor a release relative to it is what was measured.

A release that could not be installed is passed over: the step goes from the last good one to the next good one. A mode that gave no
pairs in one of the good ones breaks its trajectory there: what follows has no measured reference and is left out.

Of an extended sweep every step comes from pairs of one part, so that the trajectory is the product of the steps of all parts; the
seconds of different parts are never compared. With an anchor a release is compared with the build of the anchor in its own part.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

from perfbench.environments.labels import strip_copy_number
from perfbench.model import Measurement
from perfbench.sweep.mode_measurements import ModeMeasurements, compute_seconds
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

    None is what was not measured; ``step`` is the one that leads here, ``problem`` the reason for missing values. ``again``: the
    median seconds of the release where it was measured again, in another part of the sweep, for the step to the next one.
    """

    release: str
    seconds: float | None
    relative: float | None
    low: float
    high: float
    step: ReleaseStep | None
    problem: str = ""
    again: float | None = None


@dataclass(frozen=True, slots=True)
class ModeTrajectory:
    """The trajectory of one mode, a point for each release; ``reference`` is the release whose cost is 1.

    ``mode`` also names the market file where the sweep has several.
    """

    mode: str
    reference: str
    points: tuple[TrajectoryPoint, ...]

    def find_measurement(self, measurements: Sequence[Measurement]) -> Measurement:
        """The first measurement of the mode, on its market file."""
        return next(m for m in measurements if self.mode in (m.case.mode, _join_label(m.case.mode, m.case.data)))


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
    duets: Iterable[tuple[str, str]] = (),
    *,
    is_program: bool = False,
) -> Trajectory:
    """Build all steps of a sweep, classified together, and their products.

    :param measurements: every mode on every market file in every environment; one may be a side of pairs with several others.
    :param same_output: what to say of the outputs of two measurements between which there is a step.
    :param duets: the ids of the cases that were paired, before and after.
    :param is_program: they are of a program, whose releases may read other numbers of updates for the same orders.
    """
    by_place: dict[tuple[str, str], dict[str, list[Measurement]]] = {}
    for measurement in measurements:
        case = measurement.case
        builds = by_place.setdefault((case.mode, case.data), {})
        builds.setdefault(strip_copy_number(case.environment), []).append(measurement)
    several = len({data for _, data in by_place}) > 1
    problems, paired = {release.name: release.problem for release in releases}, frozenset(duets)
    lines = []
    for (mode, data), builds in by_place.items():
        label = _join_label(mode, data) if several else mode
        own = {release.name: tuple(builds.get(release.environment, ())) for release in releases}
        of_mode = ModeMeasurements(label, own, problems, plan, paired, is_program)
        lines.append(_build_mode_trajectory(of_mode, same_output))
    steps = mark_significant_steps(point.step for line in lines for point in line.points if point.step is not None)
    return Trajectory(tuple(releases), tuple(_apply_verdicts(line, steps) for line in lines))


def _join_label(mode: str, data: str) -> str:
    return f"{mode} {data}"


def _build_mode_trajectory(mode: ModeMeasurements, same_output: ClassifyOutput) -> ModeTrajectory:
    walk = _chain_points if mode.plan.anchor is None else _anchor_points
    points = {point.release: point for point in walk(mode)}
    links = {
        name: mode.find_compared(point.step.before, name) for name, point in points.items() if point.step is not None
    }
    leaving = {
        point.step.before: links[name] for name, point in points.items() if point.step is not None and links[name]
    }
    result = []
    for release, builds in mode.builds.items():
        point = points.get(release) or _build_missing_point(release, mode.explain(release))
        link, following = links.get(release), leaving.get(release)
        if point.step is not None and link is not None:
            cases = (link[0].case.id, link[1].case.id)
            point = replace(point, step=replace(point.step, output=same_output(*link), cases=cases))
        shown = link[1] if link else following[0] if following else next(iter(builds), None)
        again = following[0] if following and following[0] is not shown else None
        result.append(
            replace(
                point,
                seconds=None if shown is None else compute_seconds(shown),
                again=None if again is None else compute_seconds(again),
            )
        )
    return ModeTrajectory(mode.name, mode.plan.anchor or next(iter(mode.good), ""), tuple(result))


def _apply_verdicts(line: ModeTrajectory, steps: dict[tuple[str, str], ReleaseStep]) -> ModeTrajectory:
    points = (s if s.step is None else replace(s, step=steps[line.mode, s.release]) for s in line.points)
    return replace(line, points=tuple(points))


def _chain_points(mode: ModeMeasurements) -> Iterator[TrajectoryPoint]:
    """The points of releases that were each paired with the one before."""
    level, variance, broken = 0.0, 0.0, ""
    good = mode.good
    for number, release in enumerate(good):
        if number == 0:
            yield _build_point(release, level, 0.0, None)
            continue
        before = good[number - 1]
        differences, problem = mode.find_differences(before, release)
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


def _anchor_points(mode: ModeMeasurements) -> Iterator[TrajectoryPoint]:
    """The points of releases that were each paired with the anchor."""
    anchor = mode.plan.anchor or ""
    last: str | None = None
    for release in mode.good:
        if release == anchor:
            yield _build_point(release, 0.0, 0.0, _build_step(mode, last, release))
        else:
            differences, problem = mode.find_differences(anchor, release)
            if not differences:
                yield _build_missing_point(release, f"{anchor} → {release}: {problem}")
                continue
            whole = estimate_paired_step(mode.name, anchor, release, differences, mode.plan)
            variance = compute_standard_error(whole, mode.plan) ** 2
            yield _build_point(release, math.log(whole.ratio), variance, _build_step(mode, last, release))
        last = release


def _build_step(mode: ModeMeasurements, before: str | None, after: str) -> ReleaseStep | None:
    """The step between two neighbours; where one of them is the anchor they are a pair themselves.

    None where no part of the sweep has both.
    """
    anchor = mode.plan.anchor
    if before is None:
        return None
    if before == anchor:
        return estimate_paired_step(mode.name, before, after, mode.find_differences(before, after)[0], mode.plan)
    if after == anchor:
        logs = [-log for log in mode.find_differences(after, before)[0]]
        return estimate_paired_step(mode.name, before, after, logs, mode.plan)
    anchored = mode.find_anchored(before, after)
    if anchored is None:
        return None
    rows = [mode.compare(anchored[0], side)[0] for side in anchored[1]]
    return estimate_anchored_step(mode.name, before, after, rows[0], rows[1], mode.plan) if all(rows) else None


def _build_point(release: str, level: float, variance: float, step: ReleaseStep | None) -> TrajectoryPoint:
    width = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * math.sqrt(variance)
    return TrajectoryPoint(release, None, math.exp(level), math.exp(level - width), math.exp(level + width), step)


def _build_missing_point(release: str, problem: str) -> TrajectoryPoint:
    return TrajectoryPoint(release, None, None, 0.0, math.inf, None, problem)
