"""Show a saved run again, in any format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from perfbench.advise.document import ADVICES, load_advice
from perfbench.cli import advice_output, exports, options, output, parse, sweep_output
from perfbench.cli.exports import Export
from perfbench.errors import UsageProblem
from perfbench.model import Run
from perfbench.profiling.document import PROFILES
from perfbench.report import build, status
from perfbench.report.plots import _matplotlib
from perfbench.report.tables import comparison
from perfbench.report.tables.comparison import MODE_COLUMNS, SIDE_COLUMNS
from perfbench.results import merge, storage
from perfbench.results.document import RUNS

HELP_GROUP = "Understand"

app = typer.Typer(add_completion=False)


@app.command()
def show(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN [RUN]", help="Saved run, by file or name; two runs are shown side by side."),
    ],
    results: options.Results = options.DEFAULT_RESULTS,
    export: options.ExportTo = None,
    columns: options.Columns = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Plot a sweep or a corpus to this .png or .svg file.")
    ] = None,
    color: options.Color = "auto",
) -> None:
    """Show a saved run or a saved advice again, in any format; or two runs, side by side.

    All figures are recomputed from the raw samples. Interrupted runs can be shown too. Two runs are compared unpaired, so their
    ratio includes everything that the machine did in between.
    """
    if len(runs) > 2:
        raise UsageProblem(f"at most two saved runs can be shown side by side, not {len(runs)}")
    if any(_is_advice(run, results) for run in runs):
        _show_advice(runs, results, export or ())
        return
    parsed = exports.parse_exports(export or (), measures=False)
    for run in runs:
        if PROFILES.is_saved(run, results):
            raise UsageProblem(f"{run} is a saved profile, not a run", hint=f"perfbench profile --show {run}")
    saved, *others = (storage.load_run(RUNS.find(run, results)) for run in runs)
    if others:
        saved = merge.merge_runs(saved, *others)
    if saved.settings.links:
        _show_sweep(saved, parsed, plot, color)
        return
    write_plot = exports.build_plot_writer(plot)
    across = any(len(group) > 1 for group in saved.settings.environments)
    shown = comparison.parse_columns(parse.join_columns(columns), SIDE_COLUMNS if across else MODE_COLUMNS)
    report = build.build_report(saved, shown)
    if plot is not None and not report.figures and saved.corpus is None:
        raise UsageProblem(f"--plot: {saved.id} is no release sweep, no numeric parameter sweep and no corpus")
    output.show_report(report, parsed, color)
    write_plot(report)
    status.check_report_status(report)


def _is_advice(name: str, results: Path) -> bool:
    """Whether this names a saved advice; a run of the same name takes precedence."""
    return ADVICES.is_saved(name, results) and (name.endswith(ADVICES.suffix) or not RUNS.is_saved(name, results))


def _show_advice(names: Sequence[str], results: Path, export: Sequence[str]) -> None:
    """Show a saved advice. Raises UsageProblem for one beside something else."""
    if len(names) > 1:
        raise UsageProblem("an advice is not shown side by side with anything", hint="show one at a time")
    parsed = advice_output.parse_advice_exports(export, measures=False)
    advice_output.show_advice(load_advice(names[0], results), parsed)


def _show_sweep(saved: Run, parsed: Sequence[Export], plot: Path | None, color: str) -> None:
    if plot is not None:
        _matplotlib.check_plot_path(plot)
    try:
        sweep_output.show_sweep(saved, plot, color, output.choose_stream(parsed))
    finally:
        exports.write_exports(build.build_report(saved, SIDE_COLUMNS), parsed)
