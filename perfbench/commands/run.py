"""Replay market files in every mode and time each pass."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Annotated

import typer

from perfbench import commands, conducting, datasets, figures, layout, showing, storage
from perfbench.conducting import Manner
from perfbench.model import Settings

app = typer.Typer(add_completion=False)


@app.command()
def run(
    ctx: typer.Context,
    scenarios: Annotated[
        list[str] | None, typer.Argument(help="Scenarios by name or file.", show_default="replay")
    ] = None,
    data: commands.Data = None,
    mode: commands.ModeNames = None,
    env: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPEC", help="Measure in this environment; repeatable, one table each.", show_default="here"
        ),
    ] = None,
    rounds: commands.Rounds = None,
    quick: commands.Quick = False,
    max_time: commands.MaxTime = 300.0,
    precision: commands.Precision = 0.01,
    timeout: commands.Timeout = 600.0,
    count: commands.Count = False,
    set_: commands.Set = None,
    sweep: commands.Sweep = None,
    scenarios_folder: commands.ScenariosFolder = None,
    accept: commands.Accept = None,
    results: commands.Results = commands.DEFAULT_RESULTS,
    save: commands.Save = None,
    resume: commands.Resume = False,
    export: commands.ExportTo = None,
    columns: commands.Columns = "+",
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Of a sweep of a number: write the plot to this .png or .svg file."),
    ] = None,
    color: commands.Color = "auto",
    quiet: commands.Quiet = False,
) -> None:
    """Replay market files in every mode and time each pass.

    Each pass runs in a fresh process. The baseline and another mode run as a pair, by turns on one core; ratios and their 95 %
    intervals come from the pairs. Every sample is saved as it comes: after Ctrl-C, `--resume` goes on.
    """
    wanted, shown, picture = showing.exports(export or ()), layout.columns(columns), showing.picture(plot)
    settings = Settings(
        scenarios=tuple(scenarios or ("replay",)),
        folders=tuple(map(str, scenarios_folder or ())),
        modes=tuple(mode or ()),
        data=tuple(data or ()),
        parameters=commands.assignments("--set", set_),
        sweep=commands.sweeps(sweep),
        rounds=commands.QUICK_ROUNDS if quick and rounds is None else rounds,
        max_time=max_time,
        precision=precision,
        timeout=timeout,
        seed=random.SystemRandom().randrange(2**32),
        environments=tuple((spec,) for spec in env or ("here",)),
        names=commands.configured_names(ctx),
        accepted=tuple(accept or ()),
        count=count,
        quick=quick,
    )
    if plot is not None:
        figures.demand_swept(storage.load(storage.newest_journal(results)).settings if resume else settings)
    conducting.conduct(
        Manner(
            None if resume else settings,
            results,
            save,
            wanted,
            shown,
            color,
            quiet,
            note=str if data else datasets.default_note,
            picture=picture,
        )
    )
