"""Measure one scenario over many releases, or find the first slow one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from perfbench.cli import exports, measure, options, parse, resumption, survey_options, sweep_extension, sweep_output
from perfbench.cli.measure import OutputOptions
from perfbench.cli.output import choose_stream
from perfbench.environments import host, provide
from perfbench.environments.package_index import NAME_PATTERN, ReleaseInterval
from perfbench.errors import EnvironmentProblem, ExitCode, NotMeasured, ScenarioProblem, UsageProblem
from perfbench.model import Settings
from perfbench.report import build
from perfbench.report.plots import plot_file
from perfbench.report.tables.comparison import SIDE_COLUMNS
from perfbench.results import storage
from perfbench.runner import scenarios
from perfbench.runner.session import FinishedRun
from perfbench.sweep.bisection import BisectEnd, BisectResult, BisectStep, CandidateResult, ComparisonRequest
from perfbench.sweep.extension import RequestedRange
from perfbench.sweep.steps import SamplingPlan
from perfbench.sweep.subject import (
    SweepSubject,
    choose_rounds,
    evaluate_candidate,
    require_anchor,
    resolve_commits,
    resolve_releases,
    run_bisection,
)
from perfbench.util import formatting

HELP_GROUP = "Compare"

app = typer.Typer(add_completion=False)


@app.command()
def sweep(
    ctx: typer.Context,
    subject: Annotated[
        str | None,
        typer.Argument(metavar="PACKAGE|FOLDER", help="Package on the index, or git checkout.", show_default=False),
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="VERSION", help="First release or commit.", show_default=False)
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="VERSION", help="Last release or commit.", show_default=False)
    ] = None,
    every: Annotated[
        ReleaseInterval, typer.Option(help="Measure every release, or the last of each minor series.")
    ] = "release",
    extend: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Extend this saved sweep: measure only the releases that it lacks, each paired with its neighbours.",
            show_default=False,
        ),
    ] = None,
    bisect: Annotated[
        bool, typer.Option("--bisect", help="Search for the first slow one by bisection (log₂ n comparisons).")
    ] = False,
    anchor: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION", help="Pair every release with this one.", show_default="each with the one before"
        ),
    ] = None,
    scenario: Annotated[
        str, typer.Option(metavar="NAME", help="Scenario, by name or file, or your own program.")
    ] = "replay",
    mode: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Mode to measure; repeatable.",
            show_default="the baseline of the scenario",
            callback=parse.names_of,
        ),
    ] = None,
    data: options.Data = None,
    each: survey_options.EachDrawn = False,
    with_: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="REQUIREMENT",
            help="Additional requirement of every environment; repeatable.",
            callback=parse.specs_of,
        ),
    ] = None,
    python: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="Python version of every environment.", show_default="this one"),
    ] = None,
    rounds: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="NUM", help="Run this many pairs per step.", show_default="17, more for many steps"
        ),
    ] = None,
    max_time: Annotated[
        float | None,
        typer.Option(
            parser=options.Seconds,
            metavar="SECONDS",
            help="Stop each step when it is precise, all of them within this time (also 90s or 2m), instead of a fixed number of "
            "pairs; at least one pair a step, and building environments comes on top.",
        ),
    ] = None,
    timeout: options.Timeout = options.DEFAULT_TIMEOUT,
    set_: options.ParameterValues = None,
    scenarios_folder: options.ScenariosFolder = None,
    results: options.Results = options.DEFAULT_RESULTS,
    save: options.Save = None,
    resume: options.Resume = False,
    export: options.ExportTo = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Plot to this .png or .svg file.")] = None,
    color: options.Color = "auto",
    quiet: options.Quiet = False,
) -> None:
    """Measure one scenario over many releases, or find the first slow one.

    Each release runs in pairs with the one before it, so that machine drift cannot look like a step. Steps that are significant
    across the whole sweep are marked. A release that cannot be installed is a row with the reason. `--bisect` finds the first slow
    one and exits with 3.

    `--extend RUN` adds the releases that appeared since to a saved sweep, or those of `--from` and `--to`, and saves both as a new
    run, or under its own name with `--save`.
    """
    if plot is not None:
        plot_file.check_plot_path(plot)
    if rounds is not None and max_time is not None:
        raise UsageProblem("--rounds and --max-time exclude each other")
    if bisect:
        _check_search(mode or (), export or (), resume=resume, extend=extend)
    output = OutputOptions(results, save, exports.parse_exports(export or ()), color=color, quiet=quiet)
    typed = options.build_settings(
        ctx,
        each=each,
        drawn=survey_options.DRAWN_MARKETS,
        environments=(),
        scenarios=(scenario,),
        folders=scenarios_folder,
        modes=mode,
        data=data,
        parameters=set_,
        rounds=rounds,
        max_time=options.DEFAULT_MAX_TIME if max_time is None else max_time,
        timeout=timeout,
    )
    if resume and (extend is not None or subject is first is last is None):
        _resume_sweep(ctx, extend, typed, output, plot)
        return
    if extend is not None:
        finished = sweep_extension.extend_sweep(ctx, extend, RequestedRange(subject, first, last, every), typed, output)
        if finished is not None:
            _show_finished(finished, output, plot)
        return
    if subject is None or first is None or last is None:
        raise UsageProblem(
            "a sweep needs a package or a checkout, --from and --to",
            hint="for example: perfbench sweep betfairlightweight --from 2.11.2 --to 2.12.0",
        )
    others = (*(with_ or ()), *([f"python=={python}"] if python else []))
    swept = _resolve_subject(subject, first, last, every, others)
    require_anchor(swept, anchor)
    modes = tuple(mode or (_find_baseline_mode(scenario, scenarios_folder or [], swept, quiet),))
    settings = replace(
        typed,
        environments=(swept.specs,),
        modes=modes,
        rounds=rounds or (None if max_time is not None else choose_rounds(swept, len(modes))),
        links="neighbours" if anchor is None else "anchor",
        anchor="" if anchor is None else swept.specs[swept.names.index(anchor)],
    )
    if bisect:
        compare = _build_comparer(swept, settings, output)
        _print_result(swept, run_bisection(swept.names, compare, _build_observer(quiet)))
        return
    source = _find_journal(ctx, results, swept, settings) if resume else settings
    _show_finished(measure.measure(source, output, otherwise=resumption.find_continuation(ctx, settings)), output, plot)


def _check_search(modes: Sequence[str], exported: Sequence[str], *, resume: bool, extend: str | None) -> None:
    """Raises UsageProblem for options that a search cannot have."""
    if len(modes) > 1:
        raise UsageProblem("--bisect takes a single --mode")
    if resume:
        raise UsageProblem("--bisect cannot be resumed", hint="leave out --resume; a search takes few comparisons")
    if extend is not None:
        raise UsageProblem("--bisect and --extend exclude each other", hint="leave out --extend to search")
    if exported:
        raise UsageProblem(
            "--bisect saves a run of its own for each comparison", hint="export one of them with perfbench show"
        )


def _resume_sweep(
    ctx: typer.Context, extend: str | None, typed: Settings, output: OutputOptions, plot: Path | None
) -> None:
    """Finish the sweep that was interrupted last. Raises UsageProblem for an option that it had otherwise."""
    path = resumption.find_journal_to_resume(ctx, output.results, typed, "sweeps")
    sweep_extension.require_same_sweep(ctx, storage.load_run(path), typed)
    if extend is not None:
        sweep_extension.require_extension_of(path, extend, output.results)
    otherwise = resumption.find_continuation(ctx, typed)
    _show_finished(measure.measure(path, output, otherwise=otherwise), output, plot)


def _find_journal(ctx: typer.Context, results: Path, swept: SweepSubject, settings: Settings) -> Path:
    """The journal of the sweep that was interrupted last. Raises StorageProblem, UsageProblem if it is of another sweep."""
    path = resumption.find_journal_to_resume(ctx, results, settings, "sweeps")
    if storage.load_run(path).settings.environments[0] != swept.specs:
        raise UsageProblem(
            f"{path} is not a sweep of {swept.names[0]} to {swept.names[-1]}",
            hint=f"resume it with perfbench sweep --resume{resumption.format_results_option(results)}, or delete it",
        )
    return path


def _show_finished(finished: FinishedRun, output: OutputOptions, plot: Path | None) -> None:
    run = finished.run
    try:
        trajectory = sweep_output.show_sweep(run, plot, output.color, choose_stream(output.exports))
    finally:
        exports.write_exports(build.build_report(run, SIDE_COLUMNS), output.exports)
        measure.print_saved_path(finished, output.quiet)
    sweep_output.check_sweep_status(run, trajectory)


def _build_comparer(
    swept: SweepSubject, settings: Settings, output: OutputOptions
) -> Callable[[ComparisonRequest], CandidateResult]:
    """How a search compares a candidate with the first one: a run of its own, saved like any other."""
    specs = dict(zip(swept.names, swept.specs, strict=True))
    expected = 1 + math.ceil(math.log2(len(specs)))
    spent: list[float] = []

    def compare(request: ComparisonRequest) -> CandidateResult:
        pair = replace(
            settings,
            environments=((specs[request.anchor], specs[request.candidate]),),
            links="neighbours",
            anchor="",
            max_time=max(0.0, settings.max_time - sum(spent)) / max(1, expected - len(spent)),
        )
        name = None if output.save is None else f"{output.save}-{request.candidate}"
        try:
            finished = measure.measure(pair, replace(output, save=name))
        except NotMeasured as problem:
            return CandidateResult(request.candidate, failure=str(problem))
        measure.print_saved_path(finished, quiet=True)
        spent.append(finished.spent)
        plan = SamplingPlan(None, settings.rounds)
        why = "; ".join(finished.run.problems)
        is_program = any(scenario.program for scenario in finished.run.scenarios)
        result = evaluate_candidate(
            request, settings.modes[0], finished.run.measurements, specs, plan, is_program=is_program
        )
        return replace(result, failure=(why or result.failure) if result.failure else "")

    return compare


def _resolve_subject(
    subject: str, first: str, last: str, every: ReleaseInterval, others: tuple[str, ...]
) -> SweepSubject:
    folder = Path(subject)
    if folder.is_dir() and (not NAME_PATTERN.fullmatch(subject) or (folder / ".git").exists()):
        return resolve_commits(folder, first, last, others)
    return resolve_releases(subject, first, last, every, others)


def _find_baseline_mode(scenario: str, folders: list[Path], swept: SweepSubject, quiet: bool) -> str:
    """The baseline mode of the scenario, loaded here, else in the first swept environment: only that may have what it imports.

    Raises UsageProblem, ScenarioProblem.
    """
    try:
        return scenarios.find_baseline_mode(scenario, folders, host.describe_host())
    except ScenarioProblem:
        observe: Callable[[str], None] = lambda line: None if quiet else typer.echo(line, err=True)  # noqa: E731
        (first,) = provide.provide_environments([provide.EnvironmentRequest(swept.specs[0])], {}, observe)
        if isinstance(first, EnvironmentProblem):
            raise
        return scenarios.find_baseline_mode(scenario, folders, first)


def _build_observer(quiet: bool) -> Callable[[BisectStep, int], None]:
    def observe(step: BisectStep, number: int) -> None:
        if not quiet:
            change = step.result.failure or f"{formatting.format_change(step.result.ratio)} against the first"
            typer.echo(f"{number}. {step.result.candidate}: {change}: {step.status}", err=True)

    return observe


def _print_result(swept: SweepSubject, outcome: BisectResult) -> None:
    """The result of a search on standard output. Raises Exit with code 3 for a regression, 5 where nothing can be named."""
    first, last, count = swept.names[0], swept.names[-1], len(outcome.steps)
    if outcome.end is BisectEnd.NO_REGRESSION:
        step = outcome.steps[0]
        relation = "is not slower than" if step.status == "good" else "is not significantly slower than"
        interval = formatting.format_change_interval(step.result.low, step.result.high)
        typer.echo(f"{last} {relation} {first} ({interval}): no regression to find")
        return
    if outcome.end is BisectEnd.NOT_MEASURED:
        raise NotMeasured(f"{last} could not be compared with {first}: {outcome.steps[0].result.failure}")
    size = formatting.format_change(outcome.step)
    if outcome.end is BisectEnd.AMBIGUOUS:
        suspects = ", ".join(outcome.suspects)
        raise NotMeasured(
            f"the regression is in one of {suspects} ({size} after {outcome.last_good}); the others were inconclusive"
        )
    typer.echo(f"{outcome.suspects[0]} is the first slow one: {size} against {outcome.last_good} ({count} comparisons)")
    raise typer.Exit(ExitCode.REGRESSED)
