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
"""Wall over CPU seconds of a solo pass above which the wall time is not the program's."""


def describe_table_warnings(rows: Sequence[Row], group: Sequence[Measurement], metric: str, run: Run) -> Iterable[str]:
    """One text for each kind of warning, with all the modes that it is about."""
    if not run.finished:
        yield "this run is not finished" + ("; --resume continues it" if run.settings.gate is None else "")
    if not run.paired:
        yield "unpaired: the two runs were measured at different times, so the ratio includes changes of the machine in between"
    yield from run.warnings
    yield from text.describe_installation_differences(group, run)
    about: dict[str, list[str]] = {}
    for row in rows:
        for warning in _find_row_warnings(row, metric, run):
            about.setdefault(warning.what, []).append(f"{row.mode} {warning.detail}".strip())
    yield from (f"{what} ({', '.join(details)})" for what, details in about.items())
    if metric == CPU_SECONDS.name and not run.machine.pinned and rows:
        yield "this system cannot pin two passes to one core: the passes of a pair ran sequentially"
    if run.machine.load > run.machine.cores:
        cores = formatting.format_plural(run.machine.cores, "core")
        yield f"the machine was busy at the start: load {run.machine.load:.1f} on {cores}"


def _find_row_warnings(row: Row, metric: str, run: Run) -> Iterable[TrustWarning]:
    settings = run.settings
    if row.comparison is not None:
        yield from row.comparison.warnings
        width = (row.comparison.high - row.comparison.low) / 2 / row.comparison.ratio
        has_target = run.paired and settings.rounds is None and settings.gate is None
        if has_target and math.isfinite(width) and width > settings.precision:
            yield TrustWarning(f"intervals are wider than the target of ± {settings.precision:.1%}", f"± {width:.1%}")
    if metric != CPU_SECONDS.name or not row.seconds:
        return
    if row.seconds < MIN_PASS_SECONDS:
        yield TrustWarning("passes are short, use a longer file", f"{row.seconds * 1000:.1f} ms")
    if row.wall_seconds and row.wall_seconds > CONTENTION_RATIO * row.seconds:
        yield TrustWarning("solo passes took more wall than CPU time", f"{row.wall_seconds / row.seconds:.2f}x")
