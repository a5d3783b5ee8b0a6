"""Memory of a pass over time: plateau, growth and what is left afterwards. Pure.

Memory is resident bytes of the worker with its children. Growth is measured by update and not by second, since a market has its
quiet and its busy times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from perfbench.model import Case, Package

GARBAGE = "gc"

PLATEAU_SHARE = 0.2
ENDS = 3
MAX_BLOCKS = 100
MIN_BLOCKS = 12
"""In the half of a pass that growth is computed from: with fewer samples a trend and a single step look the same."""

MIN_GROWTH_BYTES = 1 << 20
"""Python takes memory from the system in arenas of 256 KiB, since 3.10 of 1 MiB (Objects/obmalloc.c)."""

MIN_GROWTH_SHARE = 0.01
NOISE_FACTOR = 3.0
MIN_CONTINUED_SHARE = 0.1
MIN_SLOPE_SHARE = 0.25

GrowthVerdict = Literal["grows", "bounded", "too short"]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MemoryMark:
    """Something that happened: the market went ``in-play`` or came to its ``close``, or all garbage was collected (``gc``)."""

    what: str
    seconds: float


@dataclass(frozen=True, slots=True)
class MemoryCurve:
    """The memory of one case in one pass. Times are seconds since its start, memory is resident bytes.

    ``updates`` says of each sample how many updates had come by then, in parts of one where it lies between two; ``observed``
    whether they were seen, else they are spread evenly over the pass. ``baseline`` is what was there before the pass, ``hwm_bytes``
    the peak of the worker alone, without its children, by VmHWM, ``after_bytes`` what the worker had left after the outcome was
    dropped and garbage collected; None where the system does not tell. ``collections`` counts collections of garbage by generation.
    """

    case: Case
    unit: str
    work: int
    seconds: float
    times: tuple[float, ...]
    updates: tuple[float, ...]
    rss: tuple[int, ...]
    baseline: int
    observed: bool = True
    marks: tuple[MemoryMark, ...] = ()
    collections: tuple[int, ...] = ()
    hwm_bytes: int | None = None
    after_bytes: int | None = None
    packages: tuple[Package, ...] = ()

    @property
    def peak_bytes(self) -> int:
        """The largest of the samples."""
        return max(self.rss)


def compute_peak(curve: MemoryCurve) -> int:
    """The most that was resident, bytes: the largest sample, or VmHWM if that is more: it misses nothing between two samples."""
    return max(curve.peak_bytes, curve.hwm_bytes or 0)


def compute_plateau(curve: MemoryCurve) -> int:
    """Where the memory is towards the end of the pass, bytes: the median of the samples during the last fifth of its updates.

    A median, so that neither a short peak (a list that moves as it grows) nor what is freed at the very end shows in it.
    """
    x, y = _select_samples(curve, (1 - PLATEAU_SHARE) * curve.work, curve.work)
    return round(float(np.median(y))) if len(x) else curve.rss[-1]


def estimate_growth(curve: MemoryCurve) -> float:
    """Bytes for every 1000 updates over the second half of the pass; NaN if there are too few samples for it.

    The first half is left out because it warms up: modules are loaded, caches filled, a ladder gets its prices. What the end of the
    second half has over its beginning, each the median of three hundredths of the pass, so that a single peak does not show. Not a
    typical slope: near the off the books of a market are larger and more, and what keeps them grows faster then.
    """
    x, y = _compute_block_medians(curve, 0.5, 1.0)
    if len(x) < MIN_BLOCKS:
        return float("nan")
    (first, last), (low, high) = ((np.median(values[:ENDS]), np.median(values[-ENDS:])) for values in (x, y))
    return 1000 * float((high - low) / (last - first))


def compute_retained(curve: MemoryCurve) -> int | None:
    """Bytes that were there after the pass, its outcome dropped and garbage collected, on top of what was there before it."""
    return None if curve.after_bytes is None else curve.after_bytes - curve.baseline


def classify_growth(curve: MemoryCurve) -> GrowthVerdict:
    """Whether the memory grows without bound (``grows``) or is ``bounded``; ``too short``: too few samples to tell.

    It grows if in the second half of the pass it rises, by its slope, by more than 3 times the scatter around that line, 1 % of the
    peak, an arena of Python and a tenth of what the first half added, and if it still does so in the last quarter, at no less than
    a quarter of that slope. All of it together: what fills a cache slows down, what leaks goes on. No pass proves what a longer one
    would do.
    """
    x, y = _compute_block_medians(curve, 0.5, 1.0)
    if len(x) < MIN_BLOCKS:
        return "too short"
    slope = _compute_median_slope(x, y)
    risen = slope * float(x[-1] - x[0])
    offsets = y - slope * x
    scatter = 1.4826 * float(np.median(np.abs(offsets - np.median(offsets))))
    first = _compute_block_medians(curve, 0.0, 0.5)[1]
    warmed = float(first[-1] - first[0]) if len(first) > 1 else 0.0
    least = max(
        NOISE_FACTOR * scatter, MIN_GROWTH_SHARE * compute_peak(curve), MIN_GROWTH_BYTES, MIN_CONTINUED_SHARE * warmed
    )
    last = _compute_median_slope(*_compute_block_medians(curve, 0.75, 1.0), fewest=3)
    return "grows" if risen > least and last >= MIN_SLOPE_SHARE * slope else "bounded"


def read_sample(curve: MemoryCurve, seconds: float) -> int:
    """What was resident at that time, bytes: the nearest sample."""
    return min(zip(curve.times, curve.rss, strict=True), key=lambda sample: abs(sample[0] - seconds))[1]


def build_title(curves: Sequence[MemoryCurve]) -> str:
    """The scenario and the data that all of them have."""
    cases = [curve.case for curve in curves]
    return " · ".join(
        filter(None, (" and ".join(sorted({case.scenario for case in cases})), _format_common([c.data for c in cases])))
    )


def build_labels(curves: Sequence[MemoryCurve]) -> list[str]:
    """The mode of each case, with its scenario, environment, data and parameters where these are not the same for all."""
    cases = [curve.case for curve in curves]
    labels = []
    for case in cases:
        parts = {
            "scenario": case.scenario,
            "mode": case.mode,
            "environment": case.environment,
            "data": case.data,
            "parameters": ",".join(f"{name}={value}" for name, value in case.parameters),
        }
        differing = [
            part for name, part in parts.items() if name == "mode" or len({getattr(other, name) for other in cases}) > 1
        ]
        labels.append(" · ".join(filter(None, differing)))
    return labels


def _format_common(values: Sequence[str]) -> str:
    return values[0] if len(set(values)) == 1 else ""


def _select_samples(curve: MemoryCurve, first: float, last: float) -> tuple[Numbers, Numbers]:
    """Updates and bytes of the samples between two updates; what comes after the last one is no longer the pass."""
    x, y = np.array(curve.updates, dtype=np.float64), np.array(curve.rss, dtype=np.float64)
    end = min(last, curve.work - 1) if curve.observed else last
    inside = (x >= first) & (x <= end)
    return x[inside], y[inside]


def _compute_block_medians(curve: MemoryCurve, start: float, end: float) -> tuple[Numbers, Numbers]:
    """The medians of up to 100 blocks of the pass between two shares of it; blocks without a sample are left out."""
    x, y = _select_samples(curve, start * curve.work, end * curve.work)
    places = np.floor(MAX_BLOCKS * x / max(1, curve.work))
    kept = [places == place for place in np.unique(places)]
    middles = np.array([np.median(x[block]) for block in kept], dtype=np.float64)
    heights = np.array([np.median(y[block]) for block in kept], dtype=np.float64)
    return middles, heights


def _compute_median_slope(x: Numbers, y: Numbers, fewest: int = MIN_BLOCKS) -> float:
    """The median of all slopes between two points; NaN if they are fewer than that."""
    if len(x) < fewest:
        return float("nan")
    first, second = np.triu_indices(len(x), 1)
    return float(np.median((y[second] - y[first]) / (x[second] - x[first])))
