"""Replay market files in every mode and time each pass."""

from __future__ import annotations

from typing import Annotated

import typer

from perfbench.cli import exports, measure, options, parse, plot_check, resumption, survey_options
from perfbench.cli.measure import OutputOptions
from perfbench.report.tables import comparison
from perfbench.runner.scenarios import expand_topics

HELP_GROUP = "Measure"

app = typer.Typer(add_completion=False)


@app.command()
def run(
    ctx: typer.Context,
    scenarios: Annotated[
        list[str] | None,
        typer.Argument(
            help="Scenarios, by name, topic or file, or your own programs: PATH.py or PATH.py:FUNCTION.",
            show_default=options.DEFAULT_SCENARIO,
            callback=parse.paths_of,
        ),
    ] = None,
    data: options.Data = None,
    mode: options.ModeNames = None,
    env: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPEC",
            help="Environment to measure in; repeatable, one table each.",
            show_default="here",
            callback=parse.specs_of,
        ),
    ] = None,
    rounds: options.Rounds = None,
    quick: options.Quick = False,
    max_time: options.MaxTime = options.DEFAULT_MAX_TIME,
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
    """Replay market files in every mode and time each pass.

    Each pass runs in a fresh process. The baseline and another mode run as a pair, interleaved on one core; ratios and their 95 %
    intervals come from the pairs. Every sample is saved as it comes: after Ctrl-C, `--resume` continues.

    Your own backtest runs unchanged: a script, or a function of a file. Its arguments follow `--`; `--data` replaces its markets.
    """
    output = OutputOptions(
        results,
        save,
        exports.parse_exports(export or ()),
        comparison.parse_columns(parse.join_columns(columns)),
        color,
        quiet,
        exports.build_plot_writer(plot),
    )
    settings = options.build_settings(
        ctx,
        environments=tuple((spec,) for spec in env or (options.DEFAULT_ENVIRONMENT,)),
        scenarios=expand_topics(scenarios or (), scenarios_folder or ()),
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
        quick=quick,
    )
    source = resumption.find_journal_to_resume(ctx, results, settings) if resume else settings
    beforehand = plot_check.check_plot(source) if plot is not None else None
    measure.measure_and_show(
        source, output, otherwise=resumption.find_continuation(ctx, settings), beforehand=beforehand
    )
