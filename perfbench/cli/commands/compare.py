"""Put library versions, checkouts, Pythons or saved runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perfbench.cli import exports, measure, options, output, parse, plot_check, resumption, survey_options
from perfbench.cli.measure import OutputOptions
from perfbench.errors import UsageProblem
from perfbench.report import build, status
from perfbench.report.tables import comparison
from perfbench.report.tables.comparison import SIDE_COLUMNS
from perfbench.results import merge, storage
from perfbench.results.document import RUNS
from perfbench.runner.scenarios import expand_topics

HELP_GROUP = "Compare"

app = typer.Typer(add_completion=False)

DEFAULT_MAX_TIME = 600.0


@app.command()
def compare(
    ctx: typer.Context,
    sides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="BEFORE AFTER…",
            help="Environments, such as betfairlightweight==2.12.0, a path or “here”; or two saved runs.",
            show_default=False,
        ),
    ] = None,
    scenario: options.Scenarios = None,
    data: options.Data = None,
    mode: options.ModeNames = None,
    python: Annotated[
        list[str] | None,
        typer.Option(
            metavar="3.8,3.11",
            help="Measure on these Python versions; with a single environment, compare them with the first.",
            show_default="the one that runs perfbench",
            callback=parse.names_of,
        ),
    ] = None,
    rounds: options.Rounds = None,
    max_time: options.MaxTime = DEFAULT_MAX_TIME,
    precision: options.Precision = None,
    timeout: options.Timeout = options.DEFAULT_TIMEOUT,
    count: options.Count = False,
    each: survey_options.Each = False,
    jobs: survey_options.Jobs = 1,
    shard: survey_options.Shard = None,
    cluster: survey_options.Cluster = "",
    set_: options.ParameterValues = None,
    sweep: options.SweepValues = None,
    scenarios_folder: options.ScenariosFolder = None,
    accept: options.Accept = None,
    results: options.Results = options.DEFAULT_RESULTS,
    save: options.Save = None,
    resume: options.Resume = False,
    export: options.ExportTo = None,
    columns: options.Columns = None,
    plot: options.PlotFile = None,
    color: options.Color = "auto",
    quiet: options.Quiet = False,
) -> None:
    """Put library versions, checkouts, Pythons or saved runs side by side.

    Environments are built when needed and measured now, each paired with the first: same mode, same file, interleaved on one core.
    Announced speed-ups are confirmed or refuted, outputs compared field by field. Two saved runs were not measured at the same
    time; their comparison is unpaired, and the table says so.
    """
    wanted, shown = (
        exports.parse_exports(export or ()),
        comparison.parse_columns(parse.join_columns(columns), SIDE_COLUMNS),
    )
    if _are_saved_runs(sides or [], results):
        runs = [storage.load_run(RUNS.find(side, results)) for side in sides or []]
        report = build.build_report(merge.merge_runs(*runs), shown)
        output.show_report(report, wanted, color)
        status.check_report_status(report)
        return
    if not resume:
        _require_two_sides(sides or [], python)
    settings = options.build_settings(
        ctx,
        environments=_group_by_python(sides or [], python),
        scenarios=expand_topics(scenario or (), scenarios_folder or ()),
        folders=scenarios_folder,
        modes=mode,
        data=data,
        parameters=set_,
        sweep=sweep,
        rounds=rounds,
        max_time=max_time,
        precision=precision,
        timeout=timeout,
        accept=accept,
        count=count,
        each=each,
        jobs=jobs,
        shard=shard,
        cluster=cluster,
    )
    source = resumption.find_journal_to_resume(ctx, results, settings) if resume else settings
    destination = OutputOptions(results, save, wanted, shown, color, quiet, exports.build_plot_writer(plot))
    beforehand = plot_check.check_plot(source) if plot is not None else None
    measure.measure_and_show(
        source, destination, otherwise=resumption.find_continuation(ctx, settings), beforehand=beforehand
    )


def _are_saved_runs(sides: list[str], results: Path) -> bool:
    """Whether the sides are saved runs. Raises UsageProblem for a mixture, or for more or fewer than two."""
    saved = [side for side in sides if RUNS.is_saved(side, results)]
    if saved and len(saved) < len(sides):
        other = next(side for side in sides if side not in saved)
        raise UsageProblem(f"{saved[0]} is a saved run and {other} is not", hint="name two runs, or environments only")
    if saved and len(saved) != 2:
        raise UsageProblem(f"exactly two saved runs can be compared, not {len(saved)}")
    return bool(saved)


def _require_two_sides(sides: list[str], python: list[str] | None) -> None:
    if len(sides) * len(python or ("",)) < 2:
        raise UsageProblem(
            "at least two environments are needed",
            hint="for example: perfbench compare betfairlightweight==2.11.2 here",
        )


def _group_by_python(sides: list[str], python: list[str] | None) -> tuple[tuple[str, ...], ...]:
    """Groups of environments to compare: per Python version all specs; of a single spec all its Python versions."""
    if not python:
        return (tuple(sides),)
    if len(sides) == 1:
        return (tuple(f"{sides[0]} python=={version}" for version in python),)
    return tuple(tuple(f"{side} python=={version}" for side in sides) for version in python)
