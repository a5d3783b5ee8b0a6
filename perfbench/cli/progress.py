"""Progress bar and status lines on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar

from perfbench.model import CaseGroup
from perfbench.runner.state import Progress


def build_status_printer(quiet: bool) -> Callable[[str], None]:
    """What to do with lines about environments that are being built: they are shown, each once."""
    told: set[str] = set()

    def tell(line: str) -> None:
        if not quiet and line not in told:
            told.add(line)
            print(line, file=sys.stderr, flush=True)

    return tell


@contextmanager
def show_progress(quiet: bool, tables: int) -> Iterator[Callable[[CaseGroup, Progress], None]]:
    """What to do with progress: a bar with the time left on a terminal, nothing elsewhere.

    Drawn only between trials: a thread that redraws would take the core from the pass that is being timed.
    """
    console = Console(stderr=True)
    if quiet or not sys.stderr.isatty():
        yield lambda _table, _progress: None
        return
    doing, left = TextColumn("{task.description}", markup=False), TextColumn("{task.fields[left]}", markup=False)
    texts = doing, BarColumn(), TaskProgressColumn(), left
    with Bar(*texts, console=console, auto_refresh=False, transient=True) as bar:
        task = bar.add_task("", total=1.0, left="")

        def observe(table: CaseGroup, progress: Progress) -> None:
            place = f" ({table.market.name})" if table.market and tables > 1 else ""
            left = "" if progress.seconds_left is None else f"{progress.seconds_left:.0f} s left"
            bar.update(
                task, description=f"{table.scenario.name}{place} {progress.doing}", completed=progress.share, left=left
            )
            bar.refresh()

        yield observe
