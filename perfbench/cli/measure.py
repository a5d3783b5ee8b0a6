"""Measure, save and show: what every measuring command does around a session."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from perfbench.cli import output, resumption
from perfbench.cli.exports import Export
from perfbench.cli.progress import TerminalListener, format_duration
from perfbench.datasets import resolve
from perfbench.errors import Interrupted
from perfbench.model import Run, Settings
from perfbench.report import build, status
from perfbench.report.model import Report
from perfbench.results.document import RUNS
from perfbench.results.storage import require_file_name
from perfbench.runner.prepare import PreparedRun
from perfbench.runner.session import AS_IT_BEGAN, Continuation, FinishedRun, Session
from perfbench.util.activity import doing
from perfbench.util.files import check_results_folder


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """Where a run is saved and how it is shown.

    ``write_plot`` draws the report into the file of ``--plot``.
    """

    results: Path
    save: str | None = None
    exports: Sequence[Export] = ()
    columns: Sequence[str] = ()
    color: str = "auto"
    quiet: bool = False
    write_plot: Callable[[Report], None] = lambda _report: None


BeforeMeasuring = Callable[[Session, PreparedRun], None]
AfterMeasuring = Callable[[Session, PreparedRun, FinishedRun], FinishedRun]


def open_session(options: OutputOptions) -> Session:
    """A session that saves into the results folder and reports to the terminal. Raises UsageProblem for a bad --save."""
    require_file_name(options.save)
    return Session(options.results, TerminalListener(options.quiet, columns=options.columns, color=options.color))


def prepare(session: Session, settings: Settings, options: OutputOptions) -> PreparedRun:
    """Prepare a run; says so where the default market is measured. Raises Interrupted, UsageProblem, NotMeasured."""
    RUNS.require_free(options.save, options.results)
    check_results_folder(options.results)
    prepared = session.prepare(settings, options.save)
    if prepared.run.data and not settings.data and (note := resolve.describe_default_market()):
        session.listener.report_status(note)
    if isinstance(session.listener, TerminalListener):
        session.listener.announce_plan(prepared)
    return prepared


def measure(
    source: Settings | Path,
    options: OutputOptions,
    afterwards: AfterMeasuring | None = None,
    beforehand: BeforeMeasuring | None = None,
    otherwise: Continuation = AS_IT_BEGAN,
) -> FinishedRun:
    """Prepare and measure; every sample is saved as it comes, also if the user interrupts it.

    :param source: the settings of a new run, or the journal of an interrupted one to resume.
    :param afterwards: adds to the run while its markets are still unpacked.
    :param beforehand: looks at a new run once it is prepared.
    :param otherwise: what a resumed run has otherwise than before.
    """
    with open_session(options) as session:
        if isinstance(source, Path):
            prepared, finished = session.resume(source, otherwise)
        else:
            prepared = prepare(session, source, options)
            if beforehand is not None:
                beforehand(session, prepared)
            finished = session.measure(prepared)
        finished = finished if afterwards is None else afterwards(session, prepared, finished)
        report_overrun(session)
        return finished


def report_overrun(session: Session) -> None:
    """Say so if the command took more than its time limit allows."""
    limit = session.limit
    if limit.is_exceeded:
        session.listener.report_status(
            f"took {format_duration(limit.spent)}, more than --max-time {format_duration(limit.seconds)}: "
            "this is the least that is measured"
        )


def measure_and_show(
    source: Settings | Path,
    options: OutputOptions,
    afterwards: AfterMeasuring | None = None,
    beforehand: BeforeMeasuring | None = None,
    otherwise: Continuation = AS_IT_BEGAN,
) -> Run:
    """Measure, show the tables, write the exports, and say where the run is saved.

    Raises Interrupted, OutputsDiffer or NotMeasured after everything was shown.
    """
    finished = measure(source, options, afterwards, beforehand, otherwise)
    with doing("computing the tables"):
        report = build.build_report(finished.run, options.columns)
    try:
        output.show_report(report, options.exports, options.color)
        options.write_plot(report)
    finally:
        print_saved_path(finished, options.quiet)
    status.check_report_status(report, finished.hint)
    return finished.run


def print_saved_path(finished: FinishedRun, quiet: bool) -> None:
    """Say where the run is saved. Raises Interrupted if the user interrupted it."""
    if finished.interrupted:
        hint = resumption.describe_resumption(finished.run.settings, finished.path.parent)
        raise Interrupted(f"interrupted; what was measured is in {finished.path}", hint=hint, hung_up=finished.hung_up)
    if quiet:
        return
    print(f"saved in {finished.path}", file=sys.stderr)
    if finished.shortfall is not None:
        cause, hint = resumption.describe_shortfall(finished)
        print(f"{cause}\nhint: {hint}", file=sys.stderr)
