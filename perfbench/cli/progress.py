"""Progress bar and status lines on standard error."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar

from perfbench.model import CaseGroup
from perfbench.runner.state import Progress


class TerminalListener:
    """Shows what a session reports: status lines, and on a terminal a bar with the time left. Quiet: nothing.

    The bar is redrawn only between trials: a thread that redraws would take the core from the pass that is being timed.
    """

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._shown: set[str] = set()
        self._bar: Bar | None = None
        self._task = TaskID(0)

    def report_status(self, line: str) -> None:
        """Print the line, unless it was printed before."""
        if not self._quiet and line not in self._shown:
            self._shown.add(line)
            print(line, file=sys.stderr, flush=True)

    def report_progress(self, group: CaseGroup, progress: Progress) -> None:
        """Redraw the bar."""
        if self._quiet or not sys.stderr.isatty():
            return
        bar = self._bar or self._start()
        market = f" ({group.market.name})" if group.market else ""
        left = "" if progress.seconds_left is None else f"{progress.seconds_left:.0f} s left"
        text = f"{group.scenario.name}{market} {progress.doing}"
        bar.update(self._task, description=text, completed=progress.share, left=left)
        bar.refresh()

    def end_progress(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _start(self) -> Bar:
        # Without markup, or the extras of an environment spec would be taken for a style.
        doing, left = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[left]}", markup=False)
        columns = doing, BarColumn(), TaskProgressColumn(), left
        self._bar = Bar(*columns, console=Console(stderr=True), auto_refresh=False, transient=True)
        self._task = self._bar.add_task("", total=1.0, left="")
        self._bar.start()
        return self._bar
