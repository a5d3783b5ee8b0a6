"""Show where CPU and memory go; with two environments: which functions made the difference."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from perfbench.cli import measure, options, parse, profile_output, resumption, survey_options
from perfbench.cli.measure import OutputOptions
from perfbench.errors import Interrupted, NotMeasured, StorageProblem, UsageProblem
from perfbench.model import Settings
from perfbench.profiling import document, journal
from perfbench.profiling.cpu_pass import NEEDS
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

HELP_GROUP = "Understand"

app = typer.Typer(add_completion=False)

DEFAULT_ROUNDS, DEFAULT_DIFF_ROUNDS = 3, 8
DEFAULT_INTERVAL = 0.001
"""Seconds."""

EXAMPLE_FUNCTION = "betfairlightweight.streaming.cache:MarketBookCache.update_cache"


@app.command()
def profile(
    ctx: typer.Context,
    scenario: Annotated[
        str, typer.Argument(help="Scenario, by name or file, or your own program (PATH.py, PATH.py:FUNCTION).")
    ] = "replay",
    diff: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="BEFORE AFTER", help="Compare two environments, or two saved profiles, function by function."
        ),
    ] = None,
    env: Annotated[str, typer.Option(metavar="SPEC", help="Environment to profile in.")] = "here",
    mode: options.ModeNames = None,
    data: options.Data = None,
    each: survey_options.EachDrawn = False,
    profiler: Annotated[
        Literal["pyinstrument", "cprofile", "pyspy"], typer.Option(help="CPU profiler.")
    ] = "pyinstrument",
    interval: Annotated[
        float | None,
        typer.Option(
            parser=parse.build_type(parse.build_duration_parser("ms", minimum=0.00005)),
            metavar="MS",
            help="Milliseconds between samples; also 500us or 2ms.",
            show_default="1, with --diff finer for short passes",
        ),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="NUM",
            help="Run this many passes with the profiler, and as many without.",
            show_default="3, with --diff 8 per side",
        ),
    ] = None,
    max_time: Annotated[
        float | None,
        typer.Option(
            parser=options.Seconds,
            metavar="SECONDS",
            help="Time limit of the whole command; also 90s or 2m. One pass with the profiler and one without are made anyway; "
            "building environments comes on top.",
            show_default="none",
        ),
    ] = None,
    memory: Annotated[bool, typer.Option(help="Also record memory over time.")] = True,
    allocations: Annotated[
        bool,
        typer.Option("--allocations", help="Show which functions allocate memory (memray, else tracemalloc)."),
    ] = False,
    lines: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODULE:FUNCTION",
            help="Profile the memory of a function line by line, over at most 3000 calls (very slow); repeatable.",
            callback=parse.names_of,
        ),
    ] = None,
    count: Annotated[
        bool,
        typer.Option("--count", help="With --diff: also count instructions by function with Valgrind (deterministic)."),
    ] = False,
    timeout: options.Timeout = options.DEFAULT_TIMEOUT,
    set_: options.ParameterValues = None,
    scenarios_folder: options.ScenariosFolder = None,
    results: options.Results = options.DEFAULT_RESULTS,
    save: options.Save = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume the most recent interrupted profile.")] = False,
    shown: Annotated[
        str | None,
        typer.Option("--show", metavar="NAME", help="Show a saved profile; measure nothing.", show_default=False),
    ] = None,
    color: options.Color = "auto",
    quiet: options.Quiet = False,
) -> None:
    """Show where CPU and memory go; with two environments: which functions made the difference.

    Passes with a profiler and passes without one alternate: the overhead of the profiler is reported, and every share is scaled to
    the seconds without it. Profiles are saved for pyinstrument, speedscope and flame graphs, and as pages for a browser.
    """
    functions = tuple(map(_parse_function, lines or ()))
    if shown is not None:
        profile_output.show_document(_load(shown, results), color)
        return
    sides = diff or (env,)
    if diff and _are_saved(diff, results):
        profile_output.show_diff(*(PROFILES.load(PROFILES.find(side, results)) for side in diff))
        return
    output = OutputOptions(results, save, color=color, quiet=quiet)
    if resume:
        _profile(None, None, output)
        return
    source = ctx.get_parameter_source("env")
    if diff and source is not None and source.name == "COMMANDLINE":
        raise UsageProblem("--diff names both environments", hint="leave out --env")
    if count and not diff:
        raise UsageProblem("--count compares two environments", hint="name them with --diff BEFORE AFTER")
    PROFILES.require_free(save, results)
    settings = options.build_settings(
        ctx,
        each=each,
        drawn=survey_options.DRAWN_MARKETS,
        environments=(sides,),
        scenarios=(scenario,),
        folders=scenarios_folder,
        modes=mode,
        data=data,
        parameters=set_,
        rounds=rounds or (DEFAULT_DIFF_ROUNDS if diff else DEFAULT_ROUNDS),
        max_time=max_time or 0.0,
        timeout=timeout,
        count=count,
        tools=(*NEEDS[profiler], *(("memory-profiler",) if lines else ())),
    )
    fixed = interval or (0.0 if diff else DEFAULT_INTERVAL)
    profiling = ProfileOptions(profiler, settings.rounds or 1, fixed, memory, allocations, count, functions)
    _profile(settings, profiling, output)


def _parse_function(text: str) -> str:
    """A value of --lines. Raises UsageProblem."""
    module, _, name = text.partition(":")
    if not (module and name):
        raise UsageProblem(f"--lines {text}: not a function", hint=f"write MODULE:FUNCTION, such as {EXAMPLE_FUNCTION}")
    return text


def _load(name: str, results: Path) -> ProfileDocument:
    """A saved profile, or what an interrupted session has so far. Raises StorageProblem."""
    path = journal.find_named_journal(name, results)
    if path is not None:
        return journal.read_journal(path).assemble()
    return PROFILES.load(PROFILES.find(name, results))


def _are_saved(sides: tuple[str, str], results: Path) -> bool:
    """Whether both sides are saved profiles. Raises UsageProblem if only one is."""
    saved = [side for side in sides if PROFILES.is_saved(side, results)]
    if len(saved) == 1:
        other = next(side for side in sides if side not in saved)
        raise UsageProblem(
            f"{saved[0]} is a saved profile and {other} is not", hint="name two profiles, or two environments"
        )
    return bool(saved)


def _profile(settings: Settings | None, profiling: ProfileOptions | None, output: OutputOptions) -> None:
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
        profile, hint = _run_steps(session, prepared, profiling, before, file)
    profile_output.show_document(profile, output.color)
    folder = document.make_artefact_folder(profile.run, output.results)
    profile_output.write_files(profile, folder)
    if not output.quiet and profile.run.finished:
        print(f"saved in {folder}{PROFILES.suffix}", file=sys.stderr)
        print(f"for pyinstrument, speedscope, flamegraph.pl and a browser: {folder}{os.sep}", file=sys.stderr)
    if profile.problems:
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
        kinds = list(dict.fromkeys(doing.partition(":")[0] for doing in left_out))
        session.listener.report_status(f"the time is over; left out: {', '.join(kinds)} (--max-time sets the limit)")
    measure.report_overrun(session)
