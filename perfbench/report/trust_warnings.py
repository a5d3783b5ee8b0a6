"""Warnings about numbers that should not be trusted as they are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from perfbench.model import CPU_SECONDS, Measurement, Run, TrustWarning
from perfbench.report import text
from perfbench.report.model import Row
from perfbench.util import formatting

MIN_PASS_SECONDS = 0.03
CONTENTION_RATIO = 1.1
"""Wall over CPU seconds of a pass alone, from which on the wall time is not the program's."""


def describe_table_warnings(rows: Sequence[Row], group: Sequence[Measurement], metric: str, run: Run) -> Iterable[str]:
    """One text for each kind of doubt, with all the modes that it is about."""
    if not run.finished:
        yield "this run was not finished" + ("; --resume continues it" if run.settings.gate is None else "")
    if not run.paired:
        yield "unpaired: the two runs were not measured at the same time, and what the machine did between them is in the ratio"
    yield from text.describe_installation_differences(group, run)
    about: dict[str, list[str]] = {}
    for row in rows:
        for doubt in _find_row_warnings(row, metric, run):
            about.setdefault(doubt.what, []).append(f"{row.mode} {doubt.detail}".strip())
    yield from (f"{what} ({', '.join(details)})" for what, details in about.items())
    if metric == CPU_SECONDS.name and not run.machine.pinned and rows:
        yield "this system cannot hold two passes on one core: the passes of a pair ran one after the other"
    if run.machine.load > run.machine.cores:
        cores = formatting.format_plural(run.machine.cores, "core")
        yield f"the machine was busy at the start: load {run.machine.load:.1f} on {cores}"


def _find_row_warnings(row: Row, metric: str, run: Run) -> Iterable[TrustWarning]:
    settings = run.settings
    if row.comparison is not None:
        yield from row.comparison.doubts
        width = (row.comparison.high - row.comparison.low) / 2 / row.comparison.ratio
        aimed = run.paired and settings.rounds is None and settings.gate is None
        if aimed and math.isfinite(width) and width > settings.precision:
            yield TrustWarning(f"intervals are wider than the ± {settings.precision:.1%} asked for", f"± {width:.1%}")
    if metric != CPU_SECONDS.name or not row.seconds:
        return
    if row.seconds < MIN_PASS_SECONDS:
        yield TrustWarning("short passes, a longer file measures better", f"{row.seconds * 1000:.1f} ms")
    if row.wall_seconds and row.wall_seconds > CONTENTION_RATIO * row.seconds:
        yield TrustWarning("passes alone took more wall than CPU time", f"{row.wall_seconds / row.seconds:.2f}x")
