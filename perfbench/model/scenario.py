"""Scenarios as a worker describes them: modes, parameters, metrics, claims, announced output changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Value = str | int | float | bool
"""What a parameter of a mode can be."""


Better = Literal["lower", "higher", "neither"]
"""Which direction of a number is good."""


@dataclass(frozen=True, slots=True)
class Metric:
    """Something that is measured; ``better`` says which direction is good, if any. A scenario may have its own."""

    name: str
    unit: str
    better: Better


CPU_SECONDS = Metric("cpu_seconds", "seconds", "lower")
WALL_SECONDS = Metric("wall_seconds", "seconds", "lower")
REPORTED_SECONDS = Metric("reported_seconds", "seconds", "lower")
STARTUP_SECONDS = Metric("startup_seconds", "seconds", "lower")
QUEUE_SECONDS = Metric("queue_seconds", "seconds", "lower")
PEAK_RSS_BYTES = Metric("peak_rss_bytes", "bytes", "lower")
SPENT_SECONDS = Metric("spent_seconds", "seconds", "lower")
"""What a whole duet of a gate took by the wall clock of the host, from the start of its workers to their end."""

INSTRUCTIONS = Metric("instructions", "instructions", "lower")
"""What a pass executed, as callgrind counts it; in samples of counts only, which have no times."""

METRICS = {
    metric.name: metric
    for metric in (
        CPU_SECONDS,
        WALL_SECONDS,
        REPORTED_SECONDS,
        STARTUP_SECONDS,
        QUEUE_SECONDS,
        PEAK_RSS_BYTES,
        SPENT_SECONDS,
        INSTRUCTIONS,
    )
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A keyword-only argument of a mode or of a set-up, with its default."""

    name: str
    default: Value


@dataclass(frozen=True, slots=True)
class Mode:
    """One way to do the work. ``missing`` are those of its ``needs`` that the described environment does not have.

    A mode with a ``group`` is measured only when it or its group is asked for. A ``floor`` does a part of the work only, such as
    reading the file: its output is not compared.
    """

    name: str
    doc: str
    baseline: bool
    needs: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    uses_market: bool = False
    group: str = ""
    floor: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """An announced speed-up or advice, to be confirmed or refuted: ``before`` → ``after`` is ``ratio`` times better.

    Both sides are modes, of a certain release if written ``mode@package==version``. ``metric`` is what gets better, the seconds if
    empty; ``text`` the advice in words; ``better`` the mode that is worth knowing beside the advice.
    """

    before: str
    after: str
    ratio: float
    source: str
    metric: str = ""
    text: str = ""
    better: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """An announced change of content: from ``release`` of ``package`` on, these ``fields`` differ, for this ``reason``.

    ``name`` is what the scenario's canonical form is told to undo; with a ``trait`` it shows in that trait of the output only.
    """

    name: str
    package: str
    release: str
    fields: tuple[str, ...]
    reason: str
    trait: str = ""


@dataclass(frozen=True, slots=True)
class Owner:
    """A part of a scenario's work. ``patterns`` are those of the functions that do it: ``package/path.py:Class.function`` with
    ``*`` and ``?``, or ``user:*`` for the functions of files outside of every package.
    """

    name: str
    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario file as a worker described it. ``doc`` is the question that it asks.

    ``metrics`` are its own, which its modes report; ``quick`` has the values of parameters that make it a matter of seconds.
    """

    name: str
    path: str
    doc: str
    unit: str
    metric: str
    sha256: str
    modes: tuple[Mode, ...]
    claims: tuple[Claim, ...] = ()
    changes: tuple[Change, ...] = ()
    owners: tuple[Owner, ...] = ()
    metrics: tuple[Metric, ...] = ()
    quick: tuple[tuple[str, Value], ...] = ()

    @property
    def baseline(self) -> Mode:
        """The mode that the others are compared with: the marked one, else the first."""
        return next((mode for mode in self.modes if mode.baseline), self.modes[0])

    @property
    def uses_market(self) -> bool:
        """Whether any of its modes replays a market file."""
        return any(mode.uses_market for mode in self.modes)
