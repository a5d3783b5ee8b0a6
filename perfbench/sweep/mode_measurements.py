"""What a sweep measured of one mode on one market file: builds of releases, and the pairs of the builds that a step compares.

In an extended sweep a release may have several builds: it was built and measured again as the neighbour of a new one. Pairs are
those of two builds; nothing else joins them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from perfbench.model import Measurement
from perfbench.stats import pairs
from perfbench.sweep.steps import SamplingPlan

Link = tuple[Measurement, Measurement]
"""The builds before and after a step."""


@dataclass(frozen=True, slots=True)
class ModeMeasurements:
    """The builds of each release, in order of the releases and of time, and why a release could not be installed, else empty.

    ``duets`` are the ids of the cases that were paired; empty if that is not known. ``is_program``: they are of a program, whose
    releases may read other numbers of updates for the same orders.
    """

    name: str
    builds: Mapping[str, tuple[Measurement, ...]]
    problems: Mapping[str, str]
    plan: SamplingPlan
    duets: frozenset[tuple[str, str]] = frozenset()
    is_program: bool = False

    @property
    def good(self) -> list[str]:
        """The releases that could be installed, from the first on in which this mode works."""
        names = [name for name in self.builds if not self.problems[name]]
        works = (number for number, name in enumerate(names) if any(map(self._works_in, self.builds[name])))
        return names[next(works, len(names)) :]

    def _works_in(self, build: Measurement) -> bool:
        """Whether it has seconds, or only has none because its work differs from that of a build that it was paired with."""
        if compute_seconds(build) is not None:
            return True
        others = (other for builds in self.builds.values() for other in builds)
        less = ((other, difference) for other in others for difference in other.differences if difference.less_work)
        return any(build.case.id in (other.case.id, difference.against) for other, difference in less)

    def find_link(self, before: str, after: str) -> Link | None:
        """The builds of two releases that were measured in pairs, else that were to be; None without a build of each."""
        links = [(first, second) for first in self.builds[before] for second in self.builds[after]]
        planned = [link for link in links if (link[0].case.id, link[1].case.id) in self.duets] or links
        return next((link for link in planned if _share_pairs(*link)), planned[-1] if planned else None)

    def find_anchored(self, before: str, after: str) -> tuple[Measurement, Link] | None:
        """A build of the anchor, and those of two releases that were paired with it; None without one."""
        for anchor in self.builds[self.plan.anchor or ""]:
            sides = [
                next((build for build in self.builds[name] if _share_pairs(anchor, build)), None)
                for name in (before, after)
            ]
            if sides[0] is not None and sides[1] is not None:
                return anchor, (sides[0], sides[1])
        return None

    def find_compared(self, before: str, after: str) -> Link | None:
        """The builds that a step between two releases is about: paired with each other, or both with the anchor."""
        anchor = self.plan.anchor
        if anchor is None or before == anchor:
            return self.find_link(before, after)
        if after == anchor:
            link = self.find_link(after, before)
            return None if link is None else (link[1], link[0])
        anchored = self.find_anchored(before, after)
        return None if anchored is None else anchored[1]

    def find_differences(self, before: str, after: str) -> tuple[list[float], str]:
        """The log ratios of the pairs of two releases, or why there are none: different work has no ratio."""
        link = self.find_link(before, after)
        if link is None:
            return [], self.explain(after if self.builds[before] else before)
        return self.compare(*link)

    def compare(self, first: Measurement, second: Measurement) -> tuple[list[float], str]:
        """The log ratios of the pairs of two builds, or why there are none."""
        return compute_differences(first, second, is_program=self.is_program)

    def explain(self, release: str) -> str:
        """Why there is nothing of a release, in one line."""
        builds = self.builds[release]
        return explain_missing(builds[-1]) if builds else self.problems[release] or "not measured"


def compute_seconds(measurement: Measurement) -> float | None:
    """The median of the metric of the comparison, over all pairs; None without one."""
    metric = pairs.choose_metric(measurement.samples, measurement.metric)
    values = pairs.select_values(measurement.samples, metric, "duet")
    return median(values) if values else None


def compute_differences(
    first: Measurement, second: Measurement, *, is_program: bool = False
) -> tuple[list[float], str]:
    """The log ratios of the pairs of two builds, or why there are none."""
    works = [{sample.work for sample in side.timed} for side in (first, second)]
    less = any(difference.less_work for difference in second.differences if difference.against == first.case.id)
    if less or max(map(len, works if is_program else [works[0] | works[1]])) > 1:
        checked = [set() if side.output is None else {side.output.updates} for side in (first, second)]
        shown = [timed or other for timed, other in zip(works, checked, strict=True)]
        done = [", ".join(f"{work:,}" for work in sorted(side)) for side in shown]
        return [], f"{done[0]} {first.unit} before and {done[1]} after: the work differs, no ratio"
    metric = pairs.choose_metric((*first.samples, *second.samples), second.metric)
    log_ratios = pairs.compute_log_ratios(first.samples, second.samples, metric)
    return log_ratios, "" if log_ratios else explain_missing(second if second.failures or not first.failures else first)


def explain_missing(measurement: Measurement) -> str:
    """Why there are no pairs of a build, in one line."""
    return measurement.failures[0].message if measurement.failures else "no pairs"


def _share_pairs(first: Measurement, second: Measurement) -> bool:
    """Whether any pair joins two builds."""
    own = {sample.pair for sample in first.samples if sample.kind == "duet"}
    return any(sample.pair in own for sample in second.samples if sample.kind == "duet")
