"""What a session reports while it measures: a live table on a terminal, elsewhere a line in ten seconds; and the plan of a run."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Sequence

from perfbench.cli import console, heartbeat
from perfbench.cli.heartbeat import Heartbeat
from perfbench.cli.live_table import BuildLines, LiveTable, is_drawable
from perfbench.model import CaseGroup, Result, Run
from perfbench.runner.prepare import PreparedRun
from perfbench.runner.state import Progress
from perfbench.util import formatting


class TerminalListener:
    """Shows what a session reports: status lines, on a terminal a live table, elsewhere a line every ten seconds. Quiet: nothing.

    All of it is drawn between trials only. While a pass runs, nothing but the heartbeat writes, a line in ten seconds.
    """

    def __init__(
        self,
        quiet: bool,
        clock: Callable[[], float] = time.monotonic,
        *,
        columns: Sequence[str] = (),
        color: str = "auto",
    ) -> None:
        """:param clock: seconds of a monotonic clock; :param columns: of the live table; :param color: the value of --color."""
        self._quiet = quiet
        self._clock = clock
        self._columns = columns
        self._color = color
        self._shown: set[str] = set()
        self._beats = heartbeat.current() if clock is time.monotonic else Heartbeat("", clock)
        self._live: LiveTable | None = None
        self._run: Run | None = None
        self._page: BuildLines | None = None
        self._results: Sequence[Result] = ()
        self._tables: list[CaseGroup] = []
        self._total = 0
        self._text = ""
        self._end = math.inf

    def announce_plan(self, prepared: PreparedRun) -> None:
        """Say how much is measured, and how long it takes at most, where there are several tables."""
        self._total = len(prepared.tables)
        if prepared.survey is not None:
            self.report_status(describe_survey(prepared))
        elif self._total > 1:
            self.report_status(describe_plan(prepared))

    def follow_results(self, run: Run, results: Sequence[Result]) -> None:
        """Show the rows of a run while it is measured; ``results`` grows meanwhile."""
        self._run, self._results = run, results

    def follow_page(self, build: BuildLines) -> None:
        """Show these lines while something is measured that is no run."""
        self._page = build

    def report_status(self, line: str) -> None:
        """Print the line, unless it was printed before."""
        if self._quiet or line in self._shown:
            return
        self._shown.add(line)
        if self._live is not None:
            self._live.print_above(line)
        else:
            print(line, file=sys.stderr, flush=True)
        self._beats.note_line()

    def report_progress(self, group: CaseGroup, progress: Progress) -> None:
        """Redraw the live table, or print a line if the last one is ten seconds old."""
        if group not in self._tables:
            self._tables.append(group)
        if self._quiet:
            return
        self._end = math.inf if progress.seconds_left is None else self._clock() + progress.seconds_left
        market = f" ({group.market.name})" if group.market else ""
        number = f"table {len(self._tables)} of {self._total}: " if self._total > 1 else ""
        self._text = formatting.make_printable(f"{number}{group.scenario.name}{market} {progress.doing}")
        self._beats.describe = self._describe
        if is_drawable(sys.stderr):
            self._draw(group, progress)
        elif self._beats.is_due:
            print(self._beats.format_line(self._describe()), file=sys.stderr, flush=True)
            self._beats.note_line()

    def end_progress(self) -> None:
        """Remove the live table."""
        self._beats.describe = str
        if self._live is not None:
            self._live.close()
            self._live = None

    def _describe(self) -> str:
        """``replay (1.170258213) round 5: lightweight + full, 35 s left``."""
        left = self._end - self._clock()
        return self._text if left == math.inf else f"{self._text}, {format_duration(max(0.0, left))} left"

    def _draw(self, group: CaseGroup, progress: Progress) -> None:
        self._live = self._live or LiveTable(sys.stderr, self._clock)
        run = self._run
        rounds = [formatting.format_plural(progress.rounds, "round")] if progress.rounds else []
        left = self._end - self._clock()
        remaining = [] if left == math.inf else [f"{format_duration(max(0.0, left))} left"]
        status = " · ".join((self._text, *rounds, *remaining))
        if self._page is not None:
            self._live.draw(status, self._page)
        elif run is None or run.settings.jobs > 1:  # a pass runs on another core
            self._live.draw(status, None)
        else:
            self._live.draw(status, lambda width: self._build_lines(run, group, width))

    def _build_lines(self, run: Run, group: CaseGroup, width: int) -> Sequence[str]:
        from perfbench.cli.live_rows import build_lines  # noqa: PLC0415 - NumPy, only where there is a terminal

        color = console.wants_color(sys.stderr, self._color)
        return build_lines(run, group, self._results, self._columns, width=width, color=color)


def describe_plan(prepared: PreparedRun) -> str:
    """``40 markets, 80 cases in 40 tables: at most 60 s, and one round of each``."""
    settings, tables = prepared.run.settings, prepared.tables
    markets = len({group.market.path for group in tables if group.market is not None})
    cases = sum(len(group.cases) for group in tables)
    counted = [formatting.format_plural(markets, "market")] if markets else []
    counted.append(f"{formatting.format_plural(cases, 'case')} in {formatting.format_plural(len(tables), 'table')}")
    if settings.rounds is not None:
        rounds = formatting.format_plural(settings.rounds, "round")
        return f"{', '.join(counted)}: {rounds} each, beside checks, memory and solo passes"
    least = "the fewest pairs of a verdict" if settings.gate is not None else "one round"
    return f"{', '.join(counted)}: at most {format_duration(settings.max_time)} in all, but {least} of each in any case"


def describe_survey(prepared: PreparedRun) -> str:
    """``40 market files are one corpus, in 3 batches: one table, at most 5 min; --each gives a table for each file``."""
    assert prepared.survey is not None
    corpus, settings = prepared.survey.corpus, prepared.run.settings
    batches = formatting.format_plural(corpus.batches, "batch", "batches")
    files = formatting.format_plural(corpus.members, "market file")
    tables = "one table" if len(prepared.tables) == 1 else formatting.format_plural(len(prepared.tables), "table")
    limited = settings.rounds is None and settings.shard == (1, 1) and settings.gate is None
    most = f", at most {format_duration(settings.max_time)}{' in all' * (len(prepared.tables) > 1)}" if limited else ""
    return f"{files} are one corpus, in {batches}: {tables}{most}; --each gives a table for each file"


def format_duration(seconds: float) -> str:
    """``45 s``, ``1 min 30 s``, ``5 min``, ``3 h 20 min``."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    if hours:
        return f"{hours:,} h {minutes} min"
    whole, rest = divmod(round(seconds), 60)
    return f"{whole} min {rest} s" if rest and seconds < 300 else f"{minutes} min"
