"""Scenarios as a worker describes them, and the metrics that perfbench itself measures."""

from __future__ import annotations

from perfbench.worker.scenario_api import Better, Change, Claim, Metric
from perfbench.worker.scenario_description import Mode, Owner, Parameter, Scenario
from perfbench.worker.scenario_description import ParameterValue as Value

CPU_SECONDS = Metric("seconds", name="cpu_seconds")
WALL_SECONDS = Metric("seconds", name="wall_seconds")
REPORTED_SECONDS = Metric("seconds", name="reported_seconds")
STARTUP_SECONDS = Metric("seconds", name="startup_seconds")
QUEUE_SECONDS = Metric("seconds", name="queue_seconds")
CHILD_SECONDS = Metric("seconds", name="child_seconds")
"""CPU seconds of the child processes that a mode waited for, a part of its ``cpu_seconds``; missing where there are none."""

PEAK_RSS_BYTES = Metric("bytes", name="peak_rss_bytes")
SPENT_SECONDS = Metric("seconds", name="spent_seconds")
"""Wall-clock seconds of the host for a whole duet of a gate, from the start of its workers to their end."""

INSTRUCTIONS = Metric("instructions", name="instructions")
"""Instructions that callgrind counted in a pass; only in samples of instruction counts, which have no times."""

METRICS = {
    metric.name: metric
    for metric in (
        CPU_SECONDS,
        WALL_SECONDS,
        REPORTED_SECONDS,
        STARTUP_SECONDS,
        QUEUE_SECONDS,
        CHILD_SECONDS,
        PEAK_RSS_BYTES,
        SPENT_SECONDS,
        INSTRUCTIONS,
    )
}

__all__ = [
    "CPU_SECONDS",
    "INSTRUCTIONS",
    "METRICS",
    "PEAK_RSS_BYTES",
    "QUEUE_SECONDS",
    "REPORTED_SECONDS",
    "SPENT_SECONDS",
    "STARTUP_SECONDS",
    "WALL_SECONDS",
    "Better",
    "Change",
    "Claim",
    "Metric",
    "Mode",
    "Owner",
    "Parameter",
    "Scenario",
    "Value",
]
