"""Sweeps over releases of known cost, with pairs from a seeded random generator."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from perfbench.model import Case, Measurement, Sample
from perfbench.sweep.steps import SamplingPlan
from support.runs import sample

SIGMA = 0.015
FIXED = SamplingPlan(rounds=24)

# The sequence of costs of 2.10.0 … 2.24.0 that a sweep must resolve: two gains, a small loss, a recovery.
COSTS = {"2.10.0": 1.0, "2.10.1": 0.8, "2.11.2": 0.8, "2.12.0": 0.35, "2.19.1": 0.35, "2.20.0": 0.375, "2.23.2": 0.352}


def pair(number: int, before: str, after: str, seconds: Sequence[float], work: int = 100) -> tuple[Sample, Sample]:
    name = f"duet {number} {before} + {after}"
    first, second = (sample(number, value, pair=name, work=work) for value in seconds)
    return first, second


def sweep(
    costs: dict[str, float],
    *,
    rounds: int = 24,
    modes: Sequence[str] = ("light",),
    seed: int = 1,
    anchor: str | None = None,
    drift: float = 0.0,
    sigma: float = SIGMA,
) -> list[Measurement]:
    """Measurements of these releases, each paired with the one before or with the anchor, while the machine drifts."""
    random = np.random.default_rng(seed)
    samples: dict[tuple[str, str], list[Sample]] = {(mode, release): [] for mode in modes for release in costs}
    names, speed = list(costs), 1.0
    neighbours = itertools.pairwise(names)
    couples = neighbours if anchor is None else ((anchor, name) for name in names if name != anchor)
    for before, after in couples:
        speed *= 1 + drift
        for mode in modes:
            for number in range(rounds):
                noise = np.exp(random.normal(0, sigma / math.sqrt(2), 2))
                seconds = [
                    speed * costs[name] * float(wobble) for name, wobble in zip((before, after), noise, strict=True)
                ]
                first, second = pair(number, f"{mode}@{before}", f"{mode}@{after}", seconds)
                samples[mode, before].append(first)
                samples[mode, after].append(second)
    return [measured(mode, release, made) for (mode, release), made in samples.items()]


def measured(mode: str, release: str, samples: Sequence[Sample] = ()) -> Measurement:
    case = Case("replay", mode, f"horses=={release}", "market")
    return Measurement(case, "", "updates", "cpu_seconds", baseline=False, samples=tuple(samples))
