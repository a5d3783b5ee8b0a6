"""Show a saved run again, in any format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from perfbench.cli import exports, options, output, sweep_output
from perfbench.cli.exports import Export
from perfbench.errors import UsageProblem
from perfbench.model import Run
from perfbench.profiling import document
from perfbench.report import build, figures, status
from perfbench.report.plots import _matplotlib
from perfbench.report.tables import comparison
from perfbench.report.tables.comparison import MODE_COLUMNS, SIDE_COLUMNS
from perfbench.results import merge, storage

app = typer.Typer(add_completion=False)


@app.command()
def show(
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN [RUN]", help="A saved run by its file or name; two, side by side.")
    ],
    results: options.Results = options.DEFAULT_RESULTS,
    export: options.ExportTo = None,
    columns: options.Columns = "+",
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Of a sweep: write the plot to this .png or .svg file.")
    ] = None,
    color: options.Color = "auto",
) -> None:
    """Show a saved run again, in any format; or two, side by side.

    All figures are made anew from the raw samples. An interrupted run can be shown too. Two runs say little of each other: they
    are not paired.
    """
    wanted = exports.parse_exports(export or ())
    if len(runs) > 2:
        raise UsageProblem(f"two saved runs can be shown side by side, not {len(runs)}")
    for run in runs:
        if document.is_saved_document(run, results):
            raise UsageProblem(f"{run} is a saved profile: perfbench profile --show {run}")
    saved, *others = (storage.load_run(storage.find_run(run, results)) for run in runs)
    if others:
        saved = merge.merge_runs(saved, *others)
    if saved.settings.links:
        _show_sweep(saved, wanted, plot, color)
        return
    picture = exports.build_plot_writer(plot)
    across = any(len(group) > 1 for group in saved.settings.environments)
    shown = comparison.parse_columns(columns, SIDE_COLUMNS if across else MODE_COLUMNS)
    report = build.build_report(saved, shown)
    if plot is not None and not figures.build_figures(report):
        raise UsageProblem(f"--plot: {saved.id} is no sweep of releases, and none of a number")
    output.show_report(report, wanted, color)
    picture(report)
    status.check_report_status(report)


def _show_sweep(saved: Run, wanted: Sequence[Export], plot: Path | None, color: str) -> None:
    if plot is not None:
        _matplotlib.check_plot_path(plot)
    sweep_output.show_sweep(saved, plot, color)
    exports.write_exports(build.build_report(saved, SIDE_COLUMNS), wanted)
