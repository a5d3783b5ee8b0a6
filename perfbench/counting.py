"""Counts of instructions → how two cases compare by them. Pure.

A count is no time: it knows nothing of caches, branches and waiting. Its sign is a second opinion that a busy machine does not
change, its size is optimistic (method.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from perfbench import formatting
from perfbench.model import INSTRUCTIONS, Measurement, Sample, Verdict

LINES = 2000
"""Lines of the market on which is counted: under callgrind a pass takes about fifty times as long (method.md)."""

HASH_SEEDS = (0, 1, 2)
"""The seeds of string hashes under which every case is counted: their order changes what sets and dicts do (method.md)."""

LIMIT = 0.002
"""A change above this share is one; environments that only lie in other folders differ by up to a third of it (method.md)."""


@dataclass(frozen=True, slots=True)
class Count:
    """The instructions of two cases: ``ratio`` is after / before."""

    before: float
    after: float
    ratio: float
    verdict: Verdict


def instructions(measurement: Measurement) -> float | None:
    """What a pass of the case executed: the geometric mean over the hash seeds. None unless it was counted under all of them."""
    counts = _counts(measurement)
    if set(counts) < set(HASH_SEEDS) or not all(sample.metrics[INSTRUCTIONS.name] > 0 for sample in counts.values()):
        return None
    logs = [math.log(counts[seed].metrics[INSTRUCTIONS.name]) for seed in HASH_SEEDS]
    return math.exp(math.fsum(logs) / len(logs))


def compare(before: Measurement, after: Measurement) -> Count | None:
    """How the instructions of two cases compare. None unless both were counted, doing the same work."""
    first, second = instructions(before), instructions(after)
    works = {sample.work for side in (before, after) for sample in _counts(side).values()}
    if first is None or second is None or len(works) > 1:
        return None
    ratio = second / first
    return Count(first, second, ratio, verdict(ratio))


def verdict(ratio: float) -> Verdict:
    """What a ratio of instructions says: there is no noise to doubt it for."""
    if ratio > 1 + LIMIT:
        return Verdict.REGRESSED
    return Verdict.IMPROVED if ratio < 1 - LIMIT else Verdict.UNCHANGED


def told(measurements: Sequence[Measurement]) -> str:
    """How the counts of a table were made, in a line; empty if there are none."""
    counted = [measurement for measurement in measurements if _counts(measurement)]
    if not counted:
        return ""
    replayed = any(measurement.case.data for measurement in counted)
    lines = (
        f"{'whole file' if all(map(_whole, counted)) else f'first {formatting.count(LINES)} lines'}, "
        if replayed
        else ""
    )
    seeds = ", ".join(map(str, HASH_SEEDS))
    return f"instructions: callgrind, {lines}hash seeds {seeds}: instructions, not time"


def _whole(measurement: Measurement) -> bool:
    """Whether the file is not longer than what is counted: the passes did the same work as the counts."""
    return {sample.work for sample in measurement.timed} == {sample.work for sample in _counts(measurement).values()}


def _counts(measurement: Measurement) -> dict[int, Sample]:
    """The counts of a case by their hash seed."""
    return {s.round: s for s in measurement.samples if s.kind == "count" and INSTRUCTIONS.name in s.metrics}
