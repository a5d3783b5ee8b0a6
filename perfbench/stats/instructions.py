"""Compare the instruction counts of two cases.

A count is not a time: it ignores caches, branches and waiting. Its sign is a second opinion that a busy machine does not change,
its size is optimistic (docs/concepts/instruction-counts.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from perfbench.model import INSTRUCTIONS, Measurement, Sample, Verdict
from perfbench.util import formatting

COUNTED_LINES = 2000
"""Lines of the market that counted passes replay: callgrind makes a pass about fifty times as long."""

HASH_SEEDS = (0, 1, 2)
"""The seeds of string hashes under which every case is counted: they change the order of sets, and so the count."""

CHANGE_THRESHOLD = 0.002
"""Share above which a change counts; equal environments in different folders differ by up to a third of it."""


@dataclass(frozen=True, slots=True)
class CountComparison:
    """The instructions of two cases: ``ratio`` is after / before."""

    before: float
    after: float
    ratio: float
    verdict: Verdict


def mean_instructions(measurement: Measurement) -> float | None:
    """The instructions of a pass: the geometric mean over the hash seeds. None unless counted under all of them."""
    counts = _collect_counts(measurement)
    if set(counts) < set(HASH_SEEDS) or not all(sample.metrics[INSTRUCTIONS.name] > 0 for sample in counts.values()):
        return None
    logs = [math.log(counts[seed].metrics[INSTRUCTIONS.name]) for seed in HASH_SEEDS]
    return math.exp(math.fsum(logs) / len(logs))


def compare_counts(before: Measurement, after: Measurement) -> CountComparison | None:
    """The comparison of the instructions of two cases. None unless both were counted, with the same work."""
    first, second = mean_instructions(before), mean_instructions(after)
    works = {sample.work for side in (before, after) for sample in _collect_counts(side).values()}
    if first is None or second is None or len(works) > 1:
        return None
    ratio = second / first
    return CountComparison(first, second, ratio, classify_ratio(ratio))


def classify_ratio(ratio: float) -> Verdict:
    """The verdict on a ratio of instructions, which has no noise."""
    if ratio > 1 + CHANGE_THRESHOLD:
        return Verdict.REGRESSED
    return Verdict.IMPROVED if ratio < 1 - CHANGE_THRESHOLD else Verdict.UNCHANGED


def describe_counting(measurements: Sequence[Measurement]) -> str:
    """How the instructions of a table were counted, in a line; empty if they were not."""
    counted = [measurement for measurement in measurements if _collect_counts(measurement)]
    if not counted:
        return ""
    replayed = any(measurement.case.data for measurement in counted)
    lines = (
        f"{'whole file' if all(map(_is_whole_file, counted)) else f'first {formatting.format_count(COUNTED_LINES)} lines'}, "
        if replayed
        else ""
    )
    seeds = ", ".join(map(str, HASH_SEEDS))
    return f"instructions: callgrind, {lines}hash seeds {seeds}; instructions, not time"


def _is_whole_file(measurement: Measurement) -> bool:
    """Whether timed passes did the same work as counted ones, because the file is short."""
    return measurement.works == {sample.work for sample in _collect_counts(measurement).values()}


def _collect_counts(measurement: Measurement) -> dict[int, Sample]:
    """The counts of a case by their hash seed."""
    return {s.round: s for s in measurement.samples if s.kind == "count" and INSTRUCTIONS.name in s.metrics}
