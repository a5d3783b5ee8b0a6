"""How often each tool is wrong and what it sees, from its comparisons of unchanged and of slower code. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean

from perfbench.gate.calibration.analysis import Calibration, Proportion, SlowdownDetection
from perfbench.gate.calibration.tool_comparison import ToolComparison, ToolMeasurement
from perfbench.stats.sequential import POWER

FALSE_ALARM_RATE = 0.01
"""How often a tool may call unchanged code slower for what it sees to count."""

MIN_COMPARISONS = 4
"""Comparisons of unchanged code that tell how a tool's ratio scatters."""


@dataclass(frozen=True, slots=True)
class ToolScore:
    """A tool: the mean ``seconds`` of a comparison, false alarms, how often each slow-down is found, and ``detectable``.

    That is the smallest slow-down, as a share, that it finds in 95 % when unchanged code is called slower in 1 %; infinite if it is
    not known.
    """

    tool: str
    seconds: float
    false_alarms: Proportion
    found: tuple[tuple[float, Proportion], ...]
    detectable: float


def score_tools(rivalry: ToolComparison) -> tuple[ToolScore, ...]:
    """The standing of every tool, by its own rule; what it sees by the scatter of its own ratio."""
    return tuple(
        _score_tool(f"{tool} {version}", [one for one in rivalry.compared if one.tool == tool])
        for tool, version in rivalry.versions
    )


def _score_tool(name: str, compared: Sequence[ToolMeasurement]) -> ToolScore:
    unchanged = [one for one in compared if not one.injected]
    sizes = sorted({one.injected for one in compared} - {0.0})
    return ToolScore(
        name,
        fmean(one.seconds for one in compared) if compared else math.nan,
        _count_slower(unchanged),
        tuple((size, _count_slower([one for one in compared if one.injected == size])) for size in sizes),
        compute_detectable_slowdown([one.ratio for one in unchanged]),
    )


def _count_slower(compared: Sequence[ToolMeasurement]) -> Proportion:
    return Proportion(sum(one.slower for one in compared), len(compared))


def compute_detectable_slowdown(ratios: Sequence[float]) -> float:
    """The slow-down, as a share, that stands out in 95 % from ratios of unchanged code when 1 % of these cross the line.

    As the normal distribution has it, around no change: (2.33 + 1.64) times the root mean square of the log ratios.
    """
    if len(ratios) < MIN_COMPARISONS:
        return math.inf
    scatter = math.sqrt(fmean(math.log(ratio) ** 2 for ratio in ratios))
    normal = NormalDist()
    return math.expm1((normal.inv_cdf(1 - FALSE_ALARM_RATE) + normal.inv_cdf(POWER)) * scatter)


def score_gate(found: Calibration, slower: Sequence[SlowdownDetection], cost: float) -> ToolScore:
    """The standing of the gate. Its seconds are the most that it takes, all looks, not the mean of those that end early.

    :param cost: seconds of a pair.
    """
    most = found.looks[-1]
    rates = tuple((one.injected, one.in_time) for one in slower)
    return ToolScore("perfbench gate", most * cost, found.live, rates, found.detectable(most))
