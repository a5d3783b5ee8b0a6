"""Replay market files in every mode and time each pass."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Annotated

import typer

from perfbench.cli import exports, measure, options, parse
from perfbench.cli.measure import RunOptions
from perfbench.datasets import resolve
from perfbench.model import Settings
from perfbench.report import figures
from perfbench.report.tables import comparison
from perfbench.results import journal, storage

app = typer.Typer(add_completion=False)


@app.command()
def run(
    ctx: typer.Context,
    scenarios: Annotated[
        list[str] | None, typer.Argument(help="Scenarios by name or file.", show_default="replay")
    ] = None,
    data: options.Data = None,
    mode: options.ModeNames = None,
    env: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPEC", help="Measure in this environment; repeatable, one table each.", show_default="here"
        ),
    ] = None,
    rounds: options.Rounds = None,
    quick: options.Quick = False,
    max_time: options.MaxTime = 300.0,
    precision: options.Precision = 0.01,
    timeout: options.Timeout = 600.0,
    count: options.Count = False,
    set_: options.ParameterValues = None,
    sweep: options.SweepValues = None,
    scenarios_folder: options.ScenariosFolder = None,
    accept: options.Accept = None,
    results: options.Results = options.DEFAULT_RESULTS,
    save: options.Save = None,
    resume: options.Resume = False,
    export: options.ExportTo = None,
    columns: options.Columns = "+",
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Of a sweep of a number: write the plot to this .png or .svg file."),
    ] = None,
    color: options.Color = "auto",
    quiet: options.Quiet = False,
) -> None:
    """Replay market files in every mode and time each pass.

    Each pass runs in a fresh process. The baseline and another mode run as a pair, by turns on one core; ratios and their 95 %
    intervals come from the pairs. Every sample is saved as it comes: after Ctrl-C, `--resume` goes on.
    """
    wanted, shown, picture = (
        exports.parse_exports(export or ()),
        comparison.parse_columns(columns),
        exports.build_plot_writer(plot),
    )
    settings = Settings(
        scenarios=tuple(scenarios or ("replay",)),
        folders=tuple(map(str, scenarios_folder or ())),
        modes=tuple(mode or ()),
        data=tuple(data or ()),
        parameters=parse.parse_assignments("--set", set_),
        sweep=parse.parse_sweeps(sweep),
        rounds=options.QUICK_ROUNDS if quick and rounds is None else rounds,
        max_time=max_time,
        precision=precision,
        timeout=timeout,
        seed=random.SystemRandom().randrange(2**32),
        environments=tuple((spec,) for spec in env or ("here",)),
        names=parse.read_environment_names(ctx),
        accepted=tuple(accept or ()),
        count=count,
        quick=quick,
    )
    if plot is not None:
        figures.require_numeric_sweep(
            storage.load_run(journal.find_newest_journal(results)).settings if resume else settings
        )
    measure.measure_and_show(
        RunOptions(
            None if resume else settings,
            results,
            save,
            wanted,
            shown,
            color,
            quiet,
            note=str if data else resolve.describe_default_market,
            picture=picture,
        )
    )
