"""Measure, save and show: what every measuring command does around a session."""

from __future__ import annotations

import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from perfbench.cli import output
from perfbench.cli.exports import Export
from perfbench.cli.progress import build_status_printer, show_progress
from perfbench.cli.signals import install_signal_handlers
from perfbench.errors import Interrupted
from perfbench.model import Run, Settings
from perfbench.report import build, status
from perfbench.report.model import Report
from perfbench.results.journal import Journal
from perfbench.results.storage import DEFAULT_RESULTS, require_file_name
from perfbench.runner import session
from perfbench.runner.session import FinishedRun, PreparedRun


@dataclass(frozen=True, slots=True)
class RunOptions:
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
    afterwards: Callable[[PreparedRun, FinishedRun, Path], FinishedRun] = lambda _prepared, finished, _workspace: (
        finished
    )
    picture: Callable[[Report], None] = lambda _report: None


def measure_run(manner: RunOptions) -> FinishedRun:
    """Prepare and measure; every sample is saved as it comes, also if the user ends it early."""
    require_file_name(manner.save)
    ended = install_signal_handlers()
    with tempfile.TemporaryDirectory(prefix="perfbench-") as folder:
        if manner.settings is None:
            with _nothing_measured():
                prepared, journal, before = session.resume_run(
                    manner.results, Path(folder), build_status_printer(manner.quiet)
                )
        else:
            prepared = prepare_with_status(manner, Path(folder))
            journal, before = Journal.create(manner.results, prepared.run), []
        with show_progress(manner.quiet, len(prepared.tables)) as observe:
            finished = session.execute_run(prepared, journal, before, observe, ended)
        return manner.afterwards(prepared, finished, Path(folder))


def prepare_with_status(manner: RunOptions, workspace: Path) -> PreparedRun:
    """What is to be measured, with all that it needs; what is being built is said."""
    assert manner.settings is not None
    with _nothing_measured():
        prepared = session.prepare_run(manner.settings, workspace, manner.save, build_status_printer(manner.quiet))
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


def execute_with_progress(prepared: PreparedRun, manner: RunOptions, ended: Callable[[], bool]) -> FinishedRun:
    """Measure what was prepared, from the beginning; with progress on a terminal."""
    journal = Journal.create(manner.results, prepared.run)
    with show_progress(manner.quiet, len(prepared.tables)) as observe:
        return session.execute_run(prepared, journal, [], observe, ended)


def measure_and_show(manner: RunOptions) -> Run:
    """Measure, show the tables, write the exports, and say where the run is saved.

    Raises Interrupted, OutputsDiffer or NotMeasured after everything was shown.
    """
    finished = measure_run(manner)
    report = build.build_report(finished.run, manner.columns)
    try:
        output.show_report(report, manner.wanted, manner.color)
        manner.picture(report)
    finally:
        print_saved_path(finished, manner.quiet)
    status.check_report_status(report, finished.hint)
    return finished.run


def print_saved_path(finished: FinishedRun, quiet: bool) -> None:
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
