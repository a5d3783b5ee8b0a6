"""Scores of benchmark tools: false alarms and detected slowdowns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean

from perfbench.gate.calibration.analysis import Calibration, Proportion, SlowdownDetection
from perfbench.gate.calibration.tool_comparison import ToolComparison, ToolMeasurement
from perfbench.stats.sequential import POWER

FALSE_ALARM_RATE = 0.01
"""False-alarm rate at which the detectable slowdown of a tool is stated."""

MIN_COMPARISONS = 4
"""Comparisons of unchanged code that the scatter of a ratio is estimated from."""


@dataclass(frozen=True, slots=True)
class ToolScore:
    """A tool: mean ``seconds`` of a comparison, false alarms, detections of each slowdown, and the ``detectable`` slowdown.

    The latter is the smallest one, as a share, that is detected in 95 % at a false-alarm rate of 1 %; infinite if unknown.
    ``released`` is the date of its release, as year-month-day; empty if it is unknown, and for the gate.
    """

    tool: str
    seconds: float
    false_alarms: Proportion
    detections: tuple[tuple[float, Proportion], ...]
    detectable: float
    released: str = ""


def score_tools(document: ToolComparison) -> tuple[ToolScore, ...]:
    """The score of every tool: detections by its own rule, the detectable slowdown by the scatter of its own ratio."""
    dates = dict(document.released)
    return tuple(
        _score_tool(
            f"{tool} {version}",
            dates.get(tool, ""),
            [comparison for comparison in document.compared if comparison.tool == tool],
        )
        for tool, version in document.versions
    )


def _score_tool(name: str, released: str, compared: Sequence[ToolMeasurement]) -> ToolScore:
    unchanged = [comparison for comparison in compared if not comparison.injected]
    sizes = sorted({comparison.injected for comparison in compared} - {0.0})
    return ToolScore(
        name,
        fmean(comparison.seconds for comparison in compared) if compared else math.nan,
        _count_slower(unchanged),
        tuple(
            (size, _count_slower([comparison for comparison in compared if comparison.injected == size]))
            for size in sizes
        ),
        compute_detectable_slowdown([comparison.ratio for comparison in unchanged]),
        released,
    )


def _count_slower(compared: Sequence[ToolMeasurement]) -> Proportion:
    return Proportion(sum(comparison.slower for comparison in compared), len(compared))


def compute_detectable_slowdown(ratios: Sequence[float]) -> float:
    """The slowdown, as a share, that is detected in 95 % by a threshold that 1 % of the ratios of unchanged code exceed.

    For normal log ratios around no change: (2.33 + 1.64) times their root mean square.
    """
    if len(ratios) < MIN_COMPARISONS:
        return math.inf
    scatter = math.sqrt(fmean(math.log(ratio) ** 2 for ratio in ratios))
    normal = NormalDist()
    return math.expm1((normal.inv_cdf(1 - FALSE_ALARM_RATE) + normal.inv_cdf(POWER)) * scatter)


def score_gate(calibration: Calibration, slower: Sequence[SlowdownDetection], cost: float) -> ToolScore:
    """The score of the gate. Its seconds are those of all looks, not the mean of gates that stop early.

    :param cost: seconds of a pair.
    """
    most = calibration.looks[-1]
    rates = tuple((slowdown.injected, slowdown.in_time) for slowdown in slower)
    return ToolScore("perfbench gate", most * cost, calibration.live, rates, calibration.compute_detectable(most))
