"""Replay market files in every mode and time each pass."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perfbench.cli import exports, measure, options, parse, resumption, survey_options
from perfbench.cli.measure import OutputOptions
from perfbench.report import figures
from perfbench.report.tables import comparison
from perfbench.results import storage
from perfbench.runner.prepare import PreparedRun
from perfbench.runner.scenarios import expand_topics
from perfbench.runner.session import Session

app = typer.Typer(add_completion=False)


@app.command()
def run(
    ctx: typer.Context,
    scenarios: Annotated[
        list[str] | None,
        typer.Argument(
            help="Scenarios, by name, topic or file.", show_default=options.DEFAULT_SCENARIO, callback=parse.paths_of
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
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Plot a numeric parameter sweep, or the markets of a corpus, to this .png or .svg file.",
        ),
    ] = None,
    color: options.Color = "auto",
    quiet: options.Quiet = False,
) -> None:
    """Replay market files in every mode and time each pass.

    Each pass runs in a fresh process. The baseline and another mode run as a pair, interleaved on one core; ratios and their 95 %
    intervals come from the pairs. Every sample is saved as it comes: after Ctrl-C, `--resume` continues.
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
    may_be_corpus = bool(settings.data) and not settings.each
    if plot is not None and not may_be_corpus:
        figures.require_numeric_sweep(storage.load_run(source).settings if isinstance(source, Path) else source)
    measure.measure_and_show(
        source,
        output,
        engine=resumption.find_engine(ctx, settings),
        beforehand=_require_plottable if plot is not None and may_be_corpus else None,
    )


def _require_plottable(_session: Session, prepared: PreparedRun) -> None:
    """Raises UsageProblem for a run of a few files, none of whose parameters is swept."""
    if prepared.survey is None:
        figures.require_numeric_sweep(prepared.run.settings)
