"""Warnings about numbers that should not be trusted as they are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median

from perfbench.model import CHILD_SECONDS, CPU_SECONDS, Measurement, Run, TrustWarning
from perfbench.report import text
from perfbench.report.model import Row
from perfbench.sweep import parts
from perfbench.util import formatting

MIN_PASS_SECONDS = 0.03
ORDERS, REFUSED = "orders", "refused"
"""What the simulations of ``perfbench.kit`` report of their orders: accepted ones, and those that a control refused."""

CONTENTION_RATIO = 1.1
"""Wall over CPU seconds of a solo pass above which the wall time is not the program's."""


def describe_table_warnings(rows: Sequence[Row], group: Sequence[Measurement], metric: str, run: Run) -> Iterable[str]:
    """One text for each kind of warning, with all the modes that it is about."""
    if not run.finished:
        yield "this run is not finished" + ("; --resume continues it" if run.settings.gate is None else "")
    if not run.paired:
        yield "unpaired: the two runs were measured at different times, so the ratio includes changes of the machine in between"
    yield from run.warnings
    yield from parts.describe_differences(run)
    yield from text.describe_installation_differences(group, run)
    about: dict[str, list[str]] = {}
    for row in rows:
        for warning in _find_row_warnings(row, metric, run):
            about.setdefault(warning.what, []).append(f"{row.mode} {warning.detail}".strip())
    yield from (f"{what} ({', '.join(details)})" for what, details in about.items())
    yield from _describe_work_warnings(group, metric, run)
    if metric == CPU_SECONDS.name and not all(part.machine.pinned for part in run.parts) and rows:
        yield "this system cannot pin two passes to one core: the passes of a pair ran sequentially"
    for part in run.parts:
        if part.machine.load > part.machine.cores:
            cores = formatting.format_plural(part.machine.cores, "core")
            yield f"the machine was busy at the start: load {part.machine.load:.1f} on {cores}"


def describe_run_warnings(rows: Sequence[Row], run: Run) -> Iterable[str]:
    """The warnings of a table of a corpus: about the run, the machine and its rows."""
    if not run.finished:
        yield "this run is not finished" + ("; --resume continues it" if run.settings.gate is None else "")
    yield from run.warnings
    about: dict[str, list[str]] = {}
    for row in rows:
        for warning in row.comparison.warnings if row.comparison else ():
            about.setdefault(warning.what, []).append(f"{row.mode} {warning.detail}".strip())
    yield from (f"{what} ({', '.join(details)})" for what, details in about.items())
    yield from _describe_busy_machines(run)


def _describe_busy_machines(run: Run) -> Iterable[str]:
    """The load of the machine of the run, or of those that measured a corpus, where it was more than they have cores."""
    named = [(machine.name, machine.machine) for machine in run.corpus.machines] if run.corpus else []
    for name, machine in named or [("the machine", run.machine)]:
        if machine.load > machine.cores:
            cores = formatting.format_plural(machine.cores, "core")
            yield f"{name} was busy at the start: load {machine.load:.1f} on {cores}"


def _describe_work_warnings(group: Sequence[Measurement], metric: str, run: Run) -> Iterable[str]:
    """What the samples say of the work itself: child processes, refused orders, updates of the file that nothing confirms."""
    children, refused, everything = [], [], True
    for measurement in group:
        name, samples = measurement.case.mode, measurement.timed
        if seconds := [s.metrics[CHILD_SECONDS.name] for s in samples if CHILD_SECONDS.name in s.metrics]:
            children.append(f"{name} {formatting.format_seconds(median(seconds))}")
        numbers = samples[0].numbers if samples else {}
        placed, rejected = numbers.get(ORDERS, 0.0), numbers.get(REFUSED, 0.0)
        if rejected > placed:
            refused.append(f"{name} {rejected:,.0f} of {placed + rejected:,.0f}")
            everything = everything and not placed
    if children and metric == CPU_SECONDS.name:
        yield f"CPU seconds include those of child processes ({', '.join(dict.fromkeys(children))}); memory does not"
    if refused:
        yield f"{'every order was' if everything else 'most orders were'} refused ({', '.join(dict.fromkeys(refused))})"
    yield from _describe_unconfirmed_work(group, run)


def _describe_unconfirmed_work(group: Sequence[Measurement], run: Run) -> Iterable[str]:
    """The updates of the only case with an output, if the file has more. A program chooses its updates."""
    if run.is_program(group[0].case):
        return
    checked = [measurement for measurement in group if measurement.output and not measurement.floor]
    whole = next((market.updates for market in run.data if checked and market.name == checked[0].case.data), 0)
    for measurement in checked if len(checked) == 1 else ():
        output = measurement.output
        if output and output.blocks and measurement.unit == "updates" and output.updates < whole:
            yield f"{measurement.case.mode} did {output.updates:,} of the {whole:,} updates of the file"


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
