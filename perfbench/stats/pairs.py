"""Select and pair samples, and compute their log ratios."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean

from perfbench.model import CHILD_SECONDS, CPU_SECONDS, REPORTED_SECONDS, Sample


def choose_metric(samples: Iterable[Sample], declared: str) -> str:
    """The metric to compare by: seconds that a mode reports itself if any, else the one that the scenario declares."""
    self_timed = any(REPORTED_SECONDS.name in sample.metrics for sample in samples)
    return REPORTED_SECONDS.name if self_timed else declared


def is_interleaved(samples: Iterable[Sample], metric: str, *, is_program: bool) -> bool:
    """Whether the passes of a pair share a core: CPU seconds are the same then, and other seconds are not.

    A program counts the CPU seconds of its simulations. Its child processes are not paused with it: with them its passes run one
    after the other.
    """
    if is_program:
        return not any(CHILD_SECONDS.name in sample.metrics for sample in samples)
    return metric == CPU_SECONDS.name


def select_values(samples: Iterable[Sample], metric: str, *kinds: str) -> list[float]:
    """The metric in every sample of these kinds of trial that has it."""
    return [sample.metrics[metric] for sample in samples if sample.kind in kinds and metric in sample.metrics]


def compute_log_ratios(before: Sequence[Sample], after: Sequence[Sample], metric: str) -> list[float]:
    """``ln(after / before)`` of every duet that both sides finished, in order of time.

    Of several passes on one side the mean counts. A pair with a time that is not above zero is left out.
    """
    before_means, after_means = pair_values(before, after, metric)
    return [math.log(second / first) for first, second in zip(before_means, after_means, strict=True)]


def pair_values(before: Sequence[Sample], after: Sequence[Sample], metric: str) -> tuple[list[float], list[float]]:
    """The metric of both sides in every duet that both finished, in order of time; of several passes the mean."""
    partners = _compute_means(before, metric)
    both = [(partners.get(pair, 0.0), second) for pair, second in _compute_means(after, metric).items()]
    sound = [(first, second) for first, second in both if first > 0 and second > 0]
    return [first for first, _ in sound], [second for _, second in sound]


def _compute_means(samples: Sequence[Sample], metric: str) -> dict[str, float]:
    """The mean of the metric in each duet, by pair, in order of time."""
    gathered: dict[str, list[float]] = {}
    for sample in sorted(samples, key=lambda sample: sample.round):
        if sample.kind == "duet":
            gathered.setdefault(sample.pair, []).append(sample.metrics.get(metric, 0.0))
    return {pair: fmean(values) if min(values) > 0 else 0.0 for pair, values in gathered.items()}
