"""Checks of the claims of a scenario file: their modes, their metric, their source and their bounds."""

from __future__ import annotations

import math
from typing import Collection, Mapping, Optional

from perfbench.worker.scenario_api import Claim, Metric, ScenarioError

PEAK_MEMORY = "peak_rss_bytes"
"""The metric of every pass that a claim can be about without METRICS."""

SECONDS_UNITS = {"seconds": 1.0, "s": 1.0, "ms": 1e-3, "µs": 1e-6, "us": 1e-6}
"""The seconds of one unit, for metrics of which a claim can say how much is saved."""


def require_valid_claim(claim: Claim, modes: Collection[str], metrics: Mapping[str, Metric]) -> None:
    """Raise ScenarioError for a claim about what the file does not have, without a source, or with bounds that mean nothing.

    A side ``mode@package==version`` is of a release, whose modes may be others.
    """
    for name in (claim.before, claim.after, claim.better):
        if name and "@" not in name and name not in modes:
            raise ScenarioError("a claim is about `{}`, which is not a mode".format(name))
    if not str(claim.source).strip():
        raise ScenarioError("the claim about `{}` has no source: name where it comes from".format(claim.after))
    if claim.metric and claim.metric not in metrics and claim.metric != PEAK_MEMORY:
        raise ScenarioError("a claim is about `{}`, which is not in METRICS".format(claim.metric))
    metric = metrics.get(claim.metric)
    if metric is not None and metric.better == "neither":
        raise ScenarioError("a claim is about `{}`, of which neither more nor less is better".format(claim.metric))
    _require_valid_bounds(claim, metric)


def _require_valid_bounds(claim: Claim, metric: Optional[Metric]) -> None:
    if claim.bounded and (metric is None or metric.better != "lower" or claim.saves is not None):
        raise ScenarioError(
            "the claim about `{}` is bounded, which is of a metric in METRICS that grows".format(claim.after)
        )
    if claim.saves is None:
        return
    unit = "seconds" if not claim.metric else metric.unit if metric is not None else "bytes"
    if unit not in SECONDS_UNITS:
        raise ScenarioError("the claim about `{}` saves seconds, but its metric is in {}".format(claim.after, unit))
    if len(claim.saves) != 2 or not 0 < claim.saves[0] <= claim.saves[1] < math.inf:
        raise ScenarioError(
            "the claim about `{}` has saves={!r}, which are the least and the most seconds".format(
                claim.after, claim.saves
            )
        )
