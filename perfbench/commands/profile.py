"""Show where CPU and memory go; with two environments: which functions made the difference."""

from __future__ import annotations

import os
import random
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Literal

import typer

from perfbench import (
    allocating,
    commands,
    conducting,
    datasets,
    examination,
    function_counts,
    machine,
    profile_showing,
)
from perfbench.conducting import Manner
from perfbench.errors import Interrupted, NotMeasured, StorageProblem, UsageProblem
from perfbench.examination import Examination
from perfbench.examining import Examiner, How, sides
from perfbench.model import Settings
from perfbench.profiling import NEEDS
from perfbench.running import Progress
from perfbench.session import Prepared
from perfbench.trials import Conditions

app = typer.Typer(add_completion=False)

ROUNDS, ROUNDS_OF_A_DIFFERENCE = 3, 8
EXAMPLE = "betfairlightweight.streaming.cache:MarketBookCache.update_cache"


@app.command()
def profile(
    ctx: typer.Context,
    scenario: Annotated[str, typer.Argument(help="A scenario by name or file.")] = "replay",
    diff: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="BEFORE AFTER", help="Two environments, or two saved profiles: what made the difference."),
    ] = None,
    env: Annotated[str, typer.Option(metavar="SPEC", help="The environment.")] = "here",
    mode: commands.ModeNames = None,
    data: commands.Data = None,
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
    timeout: commands.Timeout = 600.0,
    set_: commands.Set = None,
    scenarios_folder: commands.ScenariosFolder = None,
    results: commands.Results = commands.DEFAULT_RESULTS,
    save: commands.Save = None,
    shown: Annotated[
        str | None,
        typer.Option("--show", metavar="NAME", help="Measure nothing: show a saved profile.", show_default=False),
    ] = None,
    color: commands.Color = "auto",
    quiet: commands.Quiet = False,
) -> None:
    """Show where CPU and memory go; with two environments: which functions made the difference.

    Passes with a profiler and passes without one run by turns: the profiler's cost is told, and every share is scaled to the
    seconds without it. Profiles are saved for pyinstrument, speedscope and flame graphs, and as pages for a browser.
    """
    functions = tuple(map(_function, lines or ()))
    if shown is not None:
        profile_showing.show(examination.load(examination.find(shown, results)), color)
        return
    sides = diff or (env,)
    saved = [side for side in sides if examination.is_saved(side, results)]
    if diff and saved:
        if len(saved) < len(sides):
            other = next(side for side in sides if side not in saved)
            raise UsageProblem(
                f"{saved[0]} is a saved profile and {other} is not", hint="name two profiles, or two environments"
            )
        found = [examination.load(examination.find(side, results)) for side in sides]
        profile_showing.show_difference(found[0], found[1])
        return
    source = ctx.get_parameter_source("env")
    if diff and source is not None and source.name == "COMMANDLINE":
        raise UsageProblem("--diff names both environments", hint="leave out --env")
    if count and not diff:
        raise UsageProblem("--count compares two environments", hint="name them with --diff BEFORE AFTER")
    conducting.demand_file_name(save)
    examination.demand_free(save, results)
    settings = Settings(
        scenarios=(scenario,),
        folders=tuple(map(str, scenarios_folder or ())),
        modes=tuple(mode or ()),
        data=tuple(data or ()),
        parameters=commands.assignments("--set", set_),
        sweep=(),
        rounds=rounds or (ROUNDS_OF_A_DIFFERENCE if diff else ROUNDS),
        max_time=600.0,
        precision=0.01,
        timeout=timeout,
        seed=random.SystemRandom().randrange(2**32),
        environments=(sides,),
        names=commands.configured_names(ctx),
        count=count,
        tools=(*NEEDS[profiler], *(("memory-profiler",) if lines else ())),
    )
    note = str if data else datasets.default_note
    manner = Manner(settings, results, save, (), (), color, quiet, note)
    fixed = (interval or 0.0 if diff else interval or 1.0) / 1000
    how = How(profiler, settings.rounds or 1, fixed, memory, allocations, count, functions)
    examined, hint = _examine(manner, how)
    profile_showing.show(examined, color)
    folder = examination.folder(examined.run, results)
    profile_showing.write(examined, folder)
    if not quiet and examined.run.finished:
        print(f"saved in {folder}{examination.SUFFIX}", file=sys.stderr)
        print(f"for pyinstrument, speedscope, flamegraph.pl and a browser: {folder}{os.sep}", file=sys.stderr)
    if examined.problems:
        raise NotMeasured('not everything was profiled (see the lines marked "!")', hint=hint)


def _function(text: str) -> str:
    """A value of --lines. Raises UsageProblem."""
    module, _, name = text.partition(":")
    if not (module and name):
        raise UsageProblem(f"--lines {text}: not a function", hint=f"write MODULE:FUNCTION, such as {EXAMPLE}")
    return text


def _check(prepared: Prepared, how: How) -> None:
    """Find out before the first pass what would make the passes useless. Raises NotMeasured."""
    settings = prepared.run.settings
    if len(settings.environments[0]) > 1 and not any(map(sides, prepared.tables)):
        problems = "; ".join(prepared.run.problems)
        raise NotMeasured(problems or f"no mode can be measured in both {' and '.join(settings.environments[0])}")
    places = [place for table in prepared.tables for place in table.places] if how.count else []
    for environment in dict.fromkeys(place.environment for place in places):
        if reason := function_counts.missing(environment):
            raise NotMeasured(reason)
    conditions = Conditions(machine.quietest_core(), settings.timeout)
    for function in how.lines:
        allocating.check_function(prepared.tables[0], conditions, function)


def _examine(manner: Manner, how: How) -> tuple[Examination, str]:
    """Carry it out, saved after every pass; a full disk ends it early, with a hint. Raises Interrupted, NotMeasured."""
    assert manner.settings is not None
    ended = conducting.end_on_signals()
    with tempfile.TemporaryDirectory(prefix="perfbench-") as folder:
        prepared = conducting.prepare(manner, Path(folder))
        _check(prepared, how)
        examiner = Examiner(prepared, how, examination.folder(prepared.run, manner.results))
        try:
            with conducting.observer(manner.quiet, len(prepared.tables)) as observe:
                for table, doing, share in examiner.examine():
                    observe(table, Progress(doing, share, None))
                    examination.save(examiner.so_far(), manner.results)
                    if ended():
                        raise KeyboardInterrupt
            examined = examiner.so_far(finished=True)
            examination.save(examined, manner.results)
        except KeyboardInterrupt:
            path = examination.save(examiner.so_far(), manner.results)
            raise Interrupted(
                f"interrupted; what was profiled is in {path}", hint=f"perfbench profile --show {path} shows it"
            ) from None
        except StorageProblem as problem:
            return examiner.so_far(problem=str(problem)), problem.hint
    return examined, ""
