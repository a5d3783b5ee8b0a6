"""Show where CPU and memory go; with two environments: which functions made the difference."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from perfbench.cli import options, page_output, parse, survey_options
from perfbench.cli.measure import OutputOptions
from perfbench.errors import UsageProblem
from perfbench.profiling.cpu_pass import NEEDS
from perfbench.profiling.document import PROFILES
from perfbench.profiling.records import ProfileOptions
from perfbench.util.extras import require_extra

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
    export: options.ExportPage = None,
    color: options.Color = "auto",
    quiet: options.Quiet = False,
) -> None:
    """Show where CPU and memory go; with two environments: which functions made the difference.

    Passes with a profiler and passes without one alternate: the overhead of the profiler is reported, and every share is scaled to
    the seconds without it. Profiles are saved for pyinstrument, speedscope and flame graphs, and as pages for a browser.
    """
    require_extra("profile", "perfbench profile")
    from perfbench.cli import profile_session  # noqa: PLC0415 - an extra

    functions = tuple(map(_parse_function, lines or ()))
    exports = page_output.parse_page_exports(export or (), "a profile", measures=shown is None)
    if shown is not None:
        profile_session.show_saved(shown, results, color, exports)
        return
    sides = diff or (env,)
    if diff and profile_session.are_saved(diff, results):
        profile_session.show_saved_diff(diff, results, exports)
        return
    output = OutputOptions(results, save, exports, color=color, quiet=quiet)
    if resume:
        profile_session.profile(None, None, output)
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
    profile_session.profile(settings, profiling, output)


def _parse_function(text: str) -> str:
    """A value of --lines. Raises UsageProblem."""
    module, _, name = text.partition(":")
    if not (module and name):
        raise UsageProblem(f"--lines {text}: not a function", hint=f"write MODULE:FUNCTION, such as {EXAMPLE_FUNCTION}")
    return text
