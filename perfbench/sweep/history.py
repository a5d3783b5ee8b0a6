"""History of a mode over releases or commits, chained from the comparisons of several sweeps and runs.

Seconds of different runs say nothing about each other: the machine was another, or had changed. What can be chained are ratios of
releases that were measured side by side. The cost of a release relative to the first is the product of the ratios along the chain
with the smallest variance (Dijkstra, *A note on two problems in connexion with graphs*, 1959); the variances of the logarithms add
up, as in a trajectory. Of one sweep whose releases are paired with their neighbours it is that sweep's trajectory.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from packaging.version import InvalidVersion, Version

from perfbench.sweep.steps import CONFIDENCE

MAX_DISAGREEMENT = 3.0
"""Standard errors between two measurements of the same step from which they are reported as different."""


@dataclass(frozen=True, slots=True)
class ReleaseEdge:
    """Two releases that were measured in pairs: the ratio after / before, the standard error of its logarithm, and the run."""

    before: str
    after: str
    ratio: float
    error: float
    run: str


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """A release: its cost relative to the first one with a 95 % interval, and the runs that it is chained from."""

    release: str
    relative: float
    low: float
    high: float
    runs: tuple[str, ...]


def build_history(edges: Sequence[ReleaseEdge], order: Sequence[str]) -> tuple[HistoryPoint, ...]:
    """The releases that a chain leads to from the first one, in this order; of several parts the one with most releases.

    :param order: of the releases, the oldest first.
    """
    neighbours: dict[str, list[tuple[str, ReleaseEdge, float]]] = {}
    for edge in edges:
        if math.isfinite(edge.error) and edge.ratio > 0:
            neighbours.setdefault(edge.before, []).append((edge.after, edge, math.log(edge.ratio)))
            neighbours.setdefault(edge.after, []).append((edge.before, edge, -math.log(edge.ratio)))
    best: tuple[HistoryPoint, ...] = ()
    left = [release for release in order if release in neighbours]
    while left:
        reached = _walk(left[0], neighbours)
        points = tuple(_build_point(release, *reached[release]) for release in order if release in reached)
        best = points if len(points) > len(best) else best
        left = [release for release in left if release not in reached]
    return best


def sort_releases(names: Iterable[str]) -> list[str]:
    """Releases by their version; names of which one is no version stay as they come."""
    unique = list(dict.fromkeys(names))
    try:
        return sorted(unique, key=Version)
    except InvalidVersion:
        return unique


def find_disagreements(edges: Sequence[ReleaseEdge]) -> tuple[tuple[ReleaseEdge, ReleaseEdge], ...]:
    """Pairs of measurements of the same two releases that differ by more than their errors explain."""
    pairs = []
    for number, first in enumerate(edges):
        for second in edges[number + 1 :]:
            same = (first.before, first.after) == (second.before, second.after)
            error = math.hypot(first.error, second.error)
            if same and math.isfinite(error) and abs(math.log(first.ratio / second.ratio)) > MAX_DISAGREEMENT * error:
                pairs.append((first, second))
    return tuple(pairs)


def _walk(
    start: str, neighbours: dict[str, list[tuple[str, ReleaseEdge, float]]]
) -> dict[str, tuple[float, float, tuple[str, ...]]]:
    """Every release that can be reached: the logarithm of its cost, its variance, and the runs of the chain."""
    reached: dict[str, tuple[float, float, tuple[str, ...]]] = {}
    waiting: list[tuple[float, int, str, float, tuple[str, ...]]] = [(0.0, 0, start, 0.0, ())]
    while waiting:
        variance, length, release, level, runs = heapq.heappop(waiting)
        if release in reached:
            continue
        reached[release] = level, variance, runs
        for other, edge, log in neighbours[release]:
            if other not in reached:
                chain = runs if edge.run in runs else (*runs, edge.run)
                heapq.heappush(waiting, (variance + edge.error**2, length + 1, other, level + log, chain))
    return reached


def _build_point(release: str, level: float, variance: float, runs: tuple[str, ...]) -> HistoryPoint:
    width = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * math.sqrt(variance)
    return HistoryPoint(release, math.exp(level), math.exp(level - width), math.exp(level + width), runs)
