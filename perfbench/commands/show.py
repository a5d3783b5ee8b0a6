"""Show a saved run again, in any format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from perfbench import (
    commands,
    examination,
    figures,
    layout,
    merging,
    plotting,
    showing,
    storage,
    sweep_showing,
    tabulating,
)
from perfbench.errors import UsageProblem
from perfbench.layout import COLUMNS_OF_MODES, COLUMNS_OF_SIDES
from perfbench.model import Run
from perfbench.showing import Export

app = typer.Typer(add_completion=False)


@app.command()
def show(
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN [RUN]", help="A saved run by its file or name; two, side by side.")
    ],
    results: commands.Results = commands.DEFAULT_RESULTS,
    export: commands.ExportTo = None,
    columns: commands.Columns = "+",
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Of a sweep: write the plot to this .png or .svg file.")
    ] = None,
    color: commands.Color = "auto",
) -> None:
    """Show a saved run again, in any format; or two, side by side.

    All figures are made anew from the raw samples. An interrupted run can be shown too. Two runs say little of each other: they
    are not paired.
    """
    wanted = showing.exports(export or ())
    if len(runs) > 2:
        raise UsageProblem(f"two saved runs can be shown side by side, not {len(runs)}")
    for run in runs:
        if examination.is_saved(run, results):
            raise UsageProblem(f"{run} is a saved profile: perfbench profile --show {run}")
    saved, *others = (storage.load(storage.find(run, results)) for run in runs)
    if others:
        saved = merging.side_by_side(saved, *others)
    if saved.settings.links:
        _show_sweep(saved, wanted, plot, color)
        return
    picture = showing.picture(plot)
    across = any(len(group) > 1 for group in saved.settings.environments)
    shown = layout.columns(columns, COLUMNS_OF_SIDES if across else COLUMNS_OF_MODES)
    report = tabulating.report(saved, shown)
    if plot is not None and not figures.figures(report):
        raise UsageProblem(f"--plot: {saved.id} is no sweep of releases, and none of a number")
    showing.show(report, wanted, color)
    picture(report)
    showing.verdict(report)


def _show_sweep(saved: Run, wanted: Sequence[Export], plot: Path | None, color: str) -> None:
    if plot is not None:
        plotting.check_plot_path(plot)
    sweep_showing.show(saved, plot, color)
    showing.write(tabulating.report(saved, COLUMNS_OF_SIDES), wanted)
