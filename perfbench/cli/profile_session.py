"""A profiling session as the command line runs it: measure or load, show, save."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from perfbench.cli import measure, profile_output, resumption
from perfbench.cli.exports import Export
from perfbench.cli.measure import OutputOptions
from perfbench.errors import Interrupted, NotMeasured, StorageProblem, UsageProblem
from perfbench.model import Settings
from perfbench.profiling import document, journal
from perfbench.profiling.document import PROFILES, ProfileDocument
from perfbench.profiling.instructions.functions import explain_unavailable
from perfbench.profiling.memory.allocations import check_function
from perfbench.profiling.records import ProfileOptions, ProfileRecord
from perfbench.profiling.session import ProfilingSession, pair_sides
from perfbench.results.journal import AppendOnlyFile
from perfbench.runner import machine
from perfbench.runner.prepare import PreparedRun
from perfbench.runner.session import Session
from perfbench.runner.trial import Conditions


def show_saved(name: str, results: Path, color: str, exports: Sequence[Export] = ()) -> None:
    """Show a saved profile, or what an interrupted session has so far, and write its page.

    Raises StorageProblem, NotMeasured.
    """
    profile_output.show_document(_load(name, results), color, exports)


def show_saved_diff(sides: tuple[str, str], results: Path, exports: Sequence[Export] = ()) -> None:
    """Show the functions behind the difference of two saved profiles, and write the page. Raises StorageProblem, NotMeasured."""
    before, after = (PROFILES.load(PROFILES.find(side, results)) for side in sides)
    profile_output.show_diff(before, after, exports)


def _load(name: str, results: Path) -> ProfileDocument:
    """A saved profile, or what an interrupted session has so far. Raises StorageProblem."""
    path = journal.find_named_journal(name, results)
    if path is not None:
        return journal.read_journal(path).assemble()
    return PROFILES.load(PROFILES.find(name, results))


def are_saved(sides: tuple[str, str], results: Path) -> bool:
    """Whether both sides are saved profiles. Raises UsageProblem if only one is."""
    saved = [side for side in sides if PROFILES.is_saved(side, results)]
    if len(saved) == 1:
        other = next(side for side in sides if side not in saved)
        raise UsageProblem(
            f"{saved[0]} is a saved profile and {other} is not", hint="name two profiles, or two environments"
        )
    return bool(saved)


def profile(settings: Settings | None, profiling: ProfileOptions | None, output: OutputOptions) -> None:
    """Profile, show the document and write its files. No settings: resume the session that was interrupted last.

    Raises Interrupted, NotMeasured after everything was shown.
    """
    with measure.open_session(output) as session:
        if settings is None or profiling is None:
            path = journal.find_newest_journal(output.results)
            saved = journal.read_journal(path)
            prepared = session.prepare_again(path, saved.outline.run)
            profiling, before = saved.outline.options, saved.records
            file = AppendOnlyFile.reopen(path, saved.length)
        else:
            prepared, before = measure.prepare(session, settings, output), ()
            _check_prerequisites(prepared, profiling)
            file = journal.create_journal(output.results, prepared.run, profiling)
        measured, hint = _run_steps(session, prepared, profiling, before, file)
    profile_output.show_document(measured, output.color, output.exports)
    folder = document.make_artefact_folder(measured.run, output.results)
    profile_output.write_files(measured, folder)
    if not output.quiet and measured.run.finished:
        print(f"saved in {folder}{PROFILES.suffix}", file=sys.stderr)
        print(f"for pyinstrument, speedscope, flamegraph.pl and a browser: {folder}{os.sep}", file=sys.stderr)
    if measured.problems:
        raise NotMeasured('not everything was profiled (see the lines marked "!")', hint=hint)


def _check_prerequisites(prepared: PreparedRun, profiling: ProfileOptions) -> None:
    """Find out before the first pass what would make the passes useless. Raises NotMeasured."""
    settings = prepared.run.settings
    if len(settings.environments[0]) > 1 and not any(map(pair_sides, prepared.tables)):
        problems = "; ".join(prepared.run.problems)
        raise NotMeasured(problems or f"no mode can be measured in both {' and '.join(settings.environments[0])}")
    places = [place for group in prepared.tables for place in group.places] if profiling.count else []
    for environment in dict.fromkeys(place.environment for place in places):
        if reason := explain_unavailable(environment):
            raise NotMeasured(reason)
    conditions = Conditions(machine.find_quietest_core(), settings.timeout)
    for function in profiling.lines:
        check_function(prepared.tables[0], conditions, function)


def _run_steps(
    session: Session,
    prepared: PreparedRun,
    profiling: ProfileOptions,
    before: Sequence[ProfileRecord],
    file: AppendOnlyFile,
) -> tuple[ProfileDocument, str]:
    """Execute the steps that are left; the document is saved at the end, and the journal is removed then.

    Returns the document and the hint of a full disk, which ends the session early. Raises Interrupted.
    """
    artefacts = document.make_artefact_folder(prepared.run, session.results)
    session.limit.seconds = prepared.run.settings.max_time or math.inf
    steps = ProfilingSession(prepared, profiling, artefacts, before, session.limit)
    outcome = session.execute(steps.measure(), file.write)
    if outcome.interrupted:
        file.close()
        command = f"perfbench profile --resume{resumption.format_results_option(session.results)}"
        raise Interrupted(
            f"interrupted; what was profiled is in {file.path}",
            hint=f"{command} goes on where it stopped, perfbench profile --show {file.path} shows it",
            hung_up=session.hung_up,
        )
    if outcome.problem is not None:
        file.close()
        return steps.document(problem=str(outcome.problem)), outcome.problem.hint
    _report_left_out(session, steps.left_out)
    profile = steps.document(complete=True)
    try:
        PROFILES.save(profile, PROFILES.locate(profile.run.id, session.results))
    except StorageProblem as problem:
        file.close()
        return steps.document(problem=str(problem)), problem.hint
    file.remove()
    return profile, ""


def _report_left_out(session: Session, left_out: Sequence[str]) -> None:
    """Say what there was no time for, each kind once."""
    if left_out:
        kinds = list(dict.fromkeys(step.partition(":")[0] for step in left_out))
        session.listener.report_status(f"the time is over; left out: {', '.join(kinds)} (--max-time sets the limit)")
    measure.report_overrun(session)
