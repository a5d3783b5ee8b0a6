"""Show where CPU and memory go; with two environments: which functions made the difference."""

from __future__ import annotations

import os
import random
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Literal

import typer

from perfbench.cli import measure, options, parse, profile_output, progress, signals
from perfbench.cli.measure import RunOptions
from perfbench.datasets import resolve
from perfbench.errors import Interrupted, NotMeasured, StorageProblem, UsageProblem
from perfbench.model import Settings
from perfbench.profiling import document
from perfbench.profiling.cpu_pass import NEEDS
from perfbench.profiling.document import ProfileDocument
from perfbench.profiling.instructions.functions import explain_unavailable
from perfbench.profiling.memory.allocations import check_function
from perfbench.profiling.session import ProfileOptions, ProfilingSession, pair_sides
from perfbench.results import storage
from perfbench.runner import machine
from perfbench.runner.session import PreparedRun
from perfbench.runner.state import Progress
from perfbench.runner.trial import Conditions

app = typer.Typer(add_completion=False)

DEFAULT_ROUNDS, DEFAULT_DIFF_ROUNDS = 3, 8
EXAMPLE_FUNCTION = "betfairlightweight.streaming.cache:MarketBookCache.update_cache"


@app.command()
def profile(
    ctx: typer.Context,
    scenario: Annotated[str, typer.Argument(help="A scenario by name or file.")] = "replay",
    diff: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="BEFORE AFTER", help="Two environments, or two saved profiles: what made the difference."),
    ] = None,
    env: Annotated[str, typer.Option(metavar="SPEC", help="The environment.")] = "here",
    mode: options.ModeNames = None,
    data: options.Data = None,
    profiler: Annotated[
        Literal["pyinstrument", "cprofile", "pyspy"], typer.Option(help="What looks at the CPU.")
    ] = "pyinstrument",
    interval: Annotated[
        float | None,
        typer.Option(
            min=0.05, help="Milliseconds between samples.", show_default="1, with --diff finer for short passes"
        ),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(min=1, help="Passes with and without the profiler.", show_default="3, with --diff 8 a side"),
    ] = None,
    memory: Annotated[bool, typer.Option(help="Watch the memory of a pass, too.")] = True,
    allocations: Annotated[
        bool,
        typer.Option(
            "--allocations", help="Tell which functions allocate, by memray; by tracemalloc where that is not."
        ),
    ] = False,
    lines: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODULE:FUNCTION",
            help="The memory of a function line by line, over 3000 calls at most, very slowly; repeatable.",
        ),
    ] = None,
    count: Annotated[
        bool,
        typer.Option("--count", help="With --diff: instructions by function, too, by valgrind; the same every time."),
    ] = False,
    timeout: options.Timeout = 600.0,
    set_: options.ParameterValues = None,
    scenarios_folder: options.ScenariosFolder = None,
    results: options.Results = options.DEFAULT_RESULTS,
    save: options.Save = None,
    shown: Annotated[
        str | None,
        typer.Option("--show", metavar="NAME", help="Measure nothing: show a saved profile.", show_default=False),
    ] = None,
    color: options.Color = "auto",
    quiet: options.Quiet = False,
) -> None:
    """Show where CPU and memory go; with two environments: which functions made the difference.

    Passes with a profiler and passes without one run by turns: the profiler's cost is told, and every share is scaled to the
    seconds without it. Profiles are saved for pyinstrument, speedscope and flame graphs, and as pages for a browser.
    """
    functions = tuple(map(_parse_function, lines or ()))
    if shown is not None:
        profile_output.show_document(document.load_document(document.find_document(shown, results)), color)
        return
    sides = diff or (env,)
    saved = [side for side in sides if document.is_saved_document(side, results)]
    if diff and saved:
        if len(saved) < len(sides):
            other = next(side for side in sides if side not in saved)
            raise UsageProblem(
                f"{saved[0]} is a saved profile and {other} is not", hint="name two profiles, or two environments"
            )
        found = [document.load_document(document.find_document(side, results)) for side in sides]
        profile_output.show_diff(found[0], found[1])
        return
    source = ctx.get_parameter_source("env")
    if diff and source is not None and source.name == "COMMANDLINE":
        raise UsageProblem("--diff names both environments", hint="leave out --env")
    if count and not diff:
        raise UsageProblem("--count compares two environments", hint="name them with --diff BEFORE AFTER")
    storage.require_file_name(save)
    document.require_free_name(save, results)
    settings = Settings(
        scenarios=(scenario,),
        folders=tuple(map(str, scenarios_folder or ())),
        modes=tuple(mode or ()),
        data=tuple(data or ()),
        parameters=parse.parse_assignments("--set", set_),
        sweep=(),
        rounds=rounds or (DEFAULT_DIFF_ROUNDS if diff else DEFAULT_ROUNDS),
        max_time=600.0,
        precision=0.01,
        timeout=timeout,
        seed=random.SystemRandom().randrange(2**32),
        environments=(sides,),
        names=parse.read_environment_names(ctx),
        count=count,
        tools=(*NEEDS[profiler], *(("memory-profiler",) if lines else ())),
    )
    note = str if data else resolve.describe_default_market
    manner = RunOptions(settings, results, save, (), (), color, quiet, note)
    fixed = (interval or 0.0 if diff else interval or 1.0) / 1000
    how = ProfileOptions(profiler, settings.rounds or 1, fixed, memory, allocations, count, functions)
    examined, hint = _run_session(manner, how)
    profile_output.show_document(examined, color)
    folder = document.make_artefact_folder(examined.run, results)
    profile_output.write_files(examined, folder)
    if not quiet and examined.run.finished:
        print(f"saved in {folder}{document.PROFILE_SUFFIX}", file=sys.stderr)
        print(f"for pyinstrument, speedscope, flamegraph.pl and a browser: {folder}{os.sep}", file=sys.stderr)
    if examined.problems:
        raise NotMeasured('not everything was profiled (see the lines marked "!")', hint=hint)


def _parse_function(text: str) -> str:
    """A value of --lines. Raises UsageProblem."""
    module, _, name = text.partition(":")
    if not (module and name):
        raise UsageProblem(f"--lines {text}: not a function", hint=f"write MODULE:FUNCTION, such as {EXAMPLE_FUNCTION}")
    return text


def _check_prerequisites(prepared: PreparedRun, how: ProfileOptions) -> None:
    """Find out before the first pass what would make the passes useless. Raises NotMeasured."""
    settings = prepared.run.settings
    if len(settings.environments[0]) > 1 and not any(map(pair_sides, prepared.tables)):
        problems = "; ".join(prepared.run.problems)
        raise NotMeasured(problems or f"no mode can be measured in both {' and '.join(settings.environments[0])}")
    places = [place for table in prepared.tables for place in table.places] if how.count else []
    for environment in dict.fromkeys(place.environment for place in places):
        if reason := explain_unavailable(environment):
            raise NotMeasured(reason)
    conditions = Conditions(machine.find_quietest_core(), settings.timeout)
    for function in how.lines:
        check_function(prepared.tables[0], conditions, function)


def _run_session(manner: RunOptions, how: ProfileOptions) -> tuple[ProfileDocument, str]:
    """Carry it out, saved after every pass; a full disk ends it early, with a hint. Raises Interrupted, NotMeasured."""
    assert manner.settings is not None
    ended = signals.install_signal_handlers()
    with tempfile.TemporaryDirectory(prefix="perfbench-") as folder:
        prepared = measure.prepare_with_status(manner, Path(folder))
        _check_prerequisites(prepared, how)
        examiner = ProfilingSession(prepared, how, document.make_artefact_folder(prepared.run, manner.results))
        try:
            with progress.show_progress(manner.quiet, len(prepared.tables)) as observe:
                for table, doing, share in examiner.examine():
                    observe(table, Progress(doing, share, None))
                    document.save_document(examiner.so_far(), manner.results)
                    if ended():
                        raise KeyboardInterrupt
            examined = examiner.so_far(finished=True)
            document.save_document(examined, manner.results)
        except KeyboardInterrupt:
            path = document.save_document(examiner.so_far(), manner.results)
            raise Interrupted(
                f"interrupted; what was profiled is in {path}", hint=f"perfbench profile --show {path} shows it"
            ) from None
        except StorageProblem as problem:
            return examiner.so_far(problem=str(problem)), problem.hint
    return examined, ""
