"""What every command that measures does: prepare, measure with progress, save, show, and say by the exit code how it went."""

from __future__ import annotations

import shlex
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar

from perfbench import session, showing, tabulating
from perfbench.errors import Interrupted, UsageProblem
from perfbench.model import Run, Settings, Table
from perfbench.naming import DEFAULT_RESULTS
from perfbench.report import Report
from perfbench.running import Progress
from perfbench.session import Finished, Prepared
from perfbench.showing import Export
from perfbench.storage import Journal


@dataclass(frozen=True, slots=True)
class Manner:
    """How a run is carried out and shown, whatever it measures.

    ``settings`` None: the run that was interrupted last goes on. ``note`` is asked for a line to say before the first trial,
    ``afterwards`` for what is to be told beside what was measured, while the markets are still there. ``picture`` draws a report.
    """

    settings: Settings | None
    results: Path
    save: str | None
    wanted: Sequence[Export]
    columns: Sequence[str]
    color: str
    quiet: bool
    note: Callable[[], str] = str
    afterwards: Callable[[Prepared, Finished, Path], Finished] = lambda _prepared, finished, _workspace: finished
    picture: Callable[[Report], None] = lambda _report: None


def measure(manner: Manner) -> Finished:
    """Prepare and measure; every sample is saved as it comes, also if the user ends it early."""
    demand_file_name(manner.save)
    ended = end_on_signals()
    with tempfile.TemporaryDirectory(prefix="perfbench-") as folder:
        if manner.settings is None:
            with _nothing_measured():
                prepared, journal, before = session.reopen(manner.results, Path(folder), teller(manner.quiet))
        else:
            prepared = prepare(manner, Path(folder))
            journal, before = Journal.create(manner.results, prepared.run), []
        with observer(manner.quiet, len(prepared.tables)) as observe:
            finished = session.carry_out(prepared, journal, before, observe, ended)
        return manner.afterwards(prepared, finished, Path(folder))


def prepare(manner: Manner, workspace: Path) -> Prepared:
    """What is to be measured, with all that it needs; what is being built is said."""
    assert manner.settings is not None
    with _nothing_measured():
        prepared = session.prepare(manner.settings, workspace, manner.save, teller(manner.quiet))
        if prepared.run.data and not manner.quiet and (note := manner.note()):
            print(note, file=sys.stderr)
        return prepared


@contextmanager
def _nothing_measured() -> Iterator[None]:
    """Raises Interrupted if the user ends it while this lasts."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted("interrupted; nothing was measured yet") from None


def carry_out(prepared: Prepared, manner: Manner, ended: Callable[[], bool]) -> Finished:
    """Measure what was prepared, from the beginning; with progress on a terminal."""
    journal = Journal.create(manner.results, prepared.run)
    with observer(manner.quiet, len(prepared.tables)) as observe:
        return session.carry_out(prepared, journal, [], observe, ended)


def conduct(manner: Manner) -> Run:
    """Measure, show the tables, write the exports, and say where the run is saved.

    Raises Interrupted, OutputsDiffer or NotMeasured after everything was shown.
    """
    finished = measure(manner)
    report = tabulating.report(finished.run, manner.columns)
    try:
        showing.show(report, manner.wanted, manner.color)
        manner.picture(report)
    finally:
        conclude(finished, manner.quiet)
    showing.verdict(report, finished.hint)
    return finished.run


def conclude(finished: Finished, quiet: bool) -> None:
    """Say where the run is saved. Raises Interrupted if it was ended early."""
    if finished.interrupted:
        hint = resumption(finished.run.settings, finished.path.parent)
        raise Interrupted(f"interrupted; what was measured is in {finished.path}", hint=hint)
    if not quiet:
        print(f"saved in {finished.path}", file=sys.stderr)


def resumption(settings: Settings, results: Path) -> str:
    """How to resume an interrupted run of these settings: ``perfbench run --resume --results elsewhere goes on``.

    :param results: the folder that holds its journal.
    """
    if settings.gate is not None:
        return "a gate cannot be resumed: run it again"
    widest = max(map(len, settings.environments), default=0)
    if settings.links and widest > 2:
        return "the same perfbench sweep with --resume goes on"
    folder = "" if str(results) == DEFAULT_RESULTS else f" --results {shlex.quote(str(results))}"
    return f"perfbench {'compare' if widest > 1 else 'run'} --resume{folder} goes on"


def demand_file_name(name: str | None) -> None:
    """Raises UsageProblem for the name of a run that is no plain file name."""
    if name is not None and (name != Path(name).name or name.startswith(".")):
        raise UsageProblem(f"--save {name}: a plain file name, without folders")


def end_on_signals() -> Callable[[], bool]:
    """SIGINT and SIGTERM end a run. Returns what tells whether one of them came.

    An exception that a signal raises while an object is being finalised is lost, hence the flag.
    """
    came: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    return lambda: bool(came)


def teller(quiet: bool) -> Callable[[str], None]:
    """What to do with lines about environments that are being built: they are shown, each once."""
    told: set[str] = set()

    def tell(line: str) -> None:
        if not quiet and line not in told:
            told.add(line)
            print(line, file=sys.stderr, flush=True)

    return tell


@contextmanager
def observer(quiet: bool, tables: int) -> Iterator[Callable[[Table, Progress], None]]:
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

        def observe(table: Table, progress: Progress) -> None:
            place = f" ({table.market.name})" if table.market and tables > 1 else ""
            left = "" if progress.seconds_left is None else f"{progress.seconds_left:.0f} s left"
            bar.update(
                task, description=f"{table.scenario.name}{place} {progress.doing}", completed=progress.share, left=left
            )
            bar.refresh()

        yield observe
