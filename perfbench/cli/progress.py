"""Progress bar, status lines and the plan of a run on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar

from perfbench.model import CaseGroup
from perfbench.runner.prepare import PreparedRun
from perfbench.runner.state import Progress
from perfbench.util import formatting

LINE_INTERVAL = 10.0
"""Seconds between two lines of progress where there is no terminal; a longer pass delays the next."""


class TerminalListener:
    """Shows what a session reports: status lines, on a terminal a bar, elsewhere a line every ten seconds. Quiet: nothing.

    Both are written only between trials: a thread that writes would take the core from the pass that is being timed.
    """

    def __init__(self, quiet: bool, clock: Callable[[], float] = time.monotonic) -> None:
        """:param clock: seconds of a monotonic clock."""
        self._quiet = quiet
        self._clock = clock
        self._shown: set[str] = set()
        self._bar: Bar | None = None
        self._task = TaskID(0)
        self._start = self._last = clock()
        self._tables: list[CaseGroup] = []
        self._total = 0

    def announce_plan(self, prepared: PreparedRun) -> None:
        """Say how much is measured, and how long its rounds take at most, where there are several tables."""
        self._total = len(prepared.tables)
        if prepared.survey is not None:
            self.report_status(describe_survey(prepared))
        elif self._total > 1:
            self.report_status(describe_plan(prepared))

    def report_status(self, line: str) -> None:
        """Print the line, unless it was printed before."""
        if not self._quiet and line not in self._shown:
            self._shown.add(line)
            print(line, file=sys.stderr, flush=True)

    def report_progress(self, group: CaseGroup, progress: Progress) -> None:
        """Redraw the bar, or print a line if the last one is long ago."""
        if group not in self._tables:
            self._tables.append(group)
        if self._quiet:
            return
        left = "" if progress.seconds_left is None else f"{progress.seconds_left:.0f} s left"
        market = f" ({group.market.name})" if group.market else ""
        text = formatting.make_printable(f"{group.scenario.name}{market} {progress.doing}")
        if not sys.stderr.isatty():
            self._print_line(text, left)
            return
        bar = self._bar or self._start_bar()
        bar.update(self._task, description=text, completed=progress.share, left=left)
        bar.refresh()

    def end_progress(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _print_line(self, text: str, left: str) -> None:
        now = self._clock()
        if now - self._last < LINE_INTERVAL:
            return
        self._last = now
        number = len(self._tables)
        table = f"table {number} of {self._total}: " if self._total > 1 else ""
        print(f"{now - self._start:.0f} s: {table}{text}" + (f", {left}" if left else ""), file=sys.stderr, flush=True)

    def _start_bar(self) -> Bar:
        # Without markup, or the extras of an environment spec would be taken for a style.
        doing, left = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[left]}", markup=False)
        columns = doing, BarColumn(), TaskProgressColumn(), left
        self._bar = Bar(*columns, console=Console(stderr=True), auto_refresh=False, transient=True)
        self._task = self._bar.add_task("", total=1.0, left="")
        self._bar.start()
        return self._bar


def describe_plan(prepared: PreparedRun) -> str:
    """``40 markets, 80 cases in 40 tables: rounds of at most 300 s each, 3 h 20 min in all, beside checks and solo passes``."""
    settings, tables = prepared.run.settings, prepared.tables
    markets = len({group.market.path for group in tables if group.market is not None})
    cases = sum(len(group.cases) for group in tables)
    counted = [formatting.format_plural(markets, "market")] if markets else []
    counted.append(f"{formatting.format_plural(cases, 'case')} in {formatting.format_plural(len(tables), 'table')}")
    beside = "beside checks, memory and solo passes"
    if settings.rounds is not None:
        rounds = formatting.format_plural(settings.rounds, "round")
        return f"{', '.join(counted)}: {rounds} each, {beside}"
    whole = sum(max(1, len(group.duets)) for group in tables) if settings.gate is not None else len(tables)
    limit = format_duration(settings.max_time)
    each = "case" if settings.gate is not None else "table"
    return (
        f"{', '.join(counted)}: rounds of at most {limit} a {each}, "
        f"{format_duration(whole * settings.max_time)} in all, {beside}"
    )


def describe_survey(prepared: PreparedRun) -> str:
    """``40 market files are one corpus, in 3 batches: one table, at most 5 min; --each gives a table for each file``."""
    assert prepared.survey is not None
    corpus, settings = prepared.survey.corpus, prepared.run.settings
    batches = formatting.format_plural(corpus.batches, "batch", "batches")
    files = formatting.format_plural(corpus.members, "market file")
    tables = "one table" if len(prepared.tables) == 1 else formatting.format_plural(len(prepared.tables), "table")
    limited = settings.rounds is None and settings.shard == (1, 1) and settings.gate is None
    most = f", at most {format_duration(settings.max_time)}{' each' * (len(prepared.tables) > 1)}" if limited else ""
    return f"{files} are one corpus, in {batches}: {tables}{most}; --each gives a table for each file"


def format_duration(seconds: float) -> str:
    """``45 s``, ``5 min``, ``3 h 20 min``."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min"
