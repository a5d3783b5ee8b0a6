"""The command ``perfbench show``: a saved run again, in any format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from perfbench.advise.document import ADVICES, load_advice
from perfbench.cli import advice_output, exports, options, output, page_output, parse, sweep_output
from perfbench.cli.exports import Export
from perfbench.errors import UsageProblem
from perfbench.model import Run
from perfbench.profiling.document import PROFILES
from perfbench.report import build, status
from perfbench.report.formats import html
from perfbench.report.model import Report
from perfbench.report.page.render import require_template_engine
from perfbench.report.plots import plot_file
from perfbench.report.tables import comparison
from perfbench.report.tables.comparison import MODE_COLUMNS, SIDE_COLUMNS
from perfbench.results import merge, storage
from perfbench.results.document import RUNS
from perfbench.results.page_document import PAGE_SUFFIX

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
    open_: Annotated[
        bool, typer.Option("--open", help="Write the page of the run beside it and open it in a browser.")
    ] = False,
    color: options.Color = "auto",
) -> None:
    """Show a saved run or a saved advice again, in any format; or two runs, side by side.

    All figures are recomputed from the raw samples. Interrupted runs can be shown too. A page that was exported as html contains
    its run: name it like a saved file. Two runs are compared unpaired, so their ratio includes everything that the machine did in
    between.
    """
    if len(runs) > 2:
        raise UsageProblem(f"at most two saved runs can be shown side by side, not {len(runs)}")
    if open_:
        require_template_engine()
    if any(_is_advice(run, results) for run in runs):
        _show_advice(runs, results, export or (), open_=open_)
        return
    parsed = exports.parse_exports(export or (), measures=False)
    for run in runs:
        if PROFILES.is_saved(run, results):
            raise UsageProblem(f"{run} is a saved profile, not a run", hint=f"perfbench profile --show {run}")
    paths = [RUNS.find(run, results) for run in runs]
    saved, *others = map(storage.load_run, paths)
    if others:
        saved = merge.merge_runs(saved, *others)
    if saved.settings.links:
        _show_sweep(saved, parsed, plot, color, paths if open_ else ())
        return
    write_plot = exports.build_plot_writer(plot)
    across = any(len(group) > 1 for group in saved.settings.environments)
    shown = comparison.parse_columns(parse.join_columns(columns), SIDE_COLUMNS if across else MODE_COLUMNS)
    report = build.build_report(saved, shown)
    if plot is not None and not report.figures and saved.corpus is None:
        raise UsageProblem(f"--plot: {saved.id} is no release sweep, no numeric parameter sweep and no corpus")
    output.show_report(report, parsed, color)
    write_plot(report)
    if open_:
        _open_page(report, paths)
    status.check_report_status(report)


def _is_advice(name: str, results: Path) -> bool:
    """Whether this names a saved advice; a run of the same name takes precedence."""
    return ADVICES.is_saved(name, results) and (name.endswith(ADVICES.suffix) or not RUNS.is_saved(name, results))


def _open_page(report: Report, paths: Sequence[Path]) -> None:
    """Open the page of a report: that of one saved run beside it; a page itself is opened as it is."""
    first = paths[0]
    if len(paths) == 1 and first.suffix == PAGE_SUFFIX:
        page_output.show_page(first)
        return
    page_output.open_page(html.render(report), "-".join(path.stem for path in paths), first.parent)


def _show_advice(names: Sequence[str], results: Path, export: Sequence[str], *, open_: bool) -> None:
    """Show a saved advice. Raises UsageProblem for one beside something else."""
    if len(names) > 1:
        raise UsageProblem("an advice is not shown side by side with anything", hint="show one at a time")
    parsed = advice_output.parse_advice_exports(export, measures=False)
    document = load_advice(names[0], results)
    advice_output.show_advice(document, parsed)
    if open_:
        page_output.open_page(advice_output.render_page(document), f"{document.run.id}.advice", results)


def _show_sweep(saved: Run, parsed: Sequence[Export], plot: Path | None, color: str, opened: Sequence[Path]) -> None:
    """Show a sweep.

    :param opened: the paths of the runs whose page is opened; none if it is not.
    """
    if plot is not None:
        plot_file.check_plot_path(plot)
    try:
        sweep_output.show_sweep(saved, plot, color, output.choose_stream(parsed))
    finally:
        report = build.build_report(saved, SIDE_COLUMNS)
        exports.write_exports(report, parsed)
    if opened:
        _open_page(report, opened)
