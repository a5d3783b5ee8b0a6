"""Show a saved run or a saved advice again, in any format."""

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
from perfbench.report import build, selection, status
from perfbench.report.formats import html
from perfbench.report.model import Report
from perfbench.report.page.render import require_template_engine
from perfbench.report.plots import plot_file
from perfbench.report.selection import Condition, SortOrder
from perfbench.report.tables import comparison
from perfbench.report.tables.comparison import MODE_COLUMNS, SIDE_COLUMNS
from perfbench.results import merge, storage
from perfbench.results.document import RUNS
from perfbench.results.page_document import PAGE_SUFFIX

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
    filter_: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            metavar="FIELD=PATTERN…",
            help="Show matching rows only, e.g. 'mode=full data=PRO*'; repeatable. Fields: scenario, mode, data, environment, "
            "parameters, status.",
            show_default="all",
        ),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="Sort the rows by ratio, seconds, memory, mode, scenario, data, parameters or status; -KEY is descending.",
            show_default="as measured",
        ),
    ] = None,
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
    between. `--filter` and `--sort` change the tables, in exports those of `terminal` and `markdown`; other exports and the exit
    code are of the whole run.
    """
    if len(runs) > 2:
        raise UsageProblem(f"at most two saved runs can be shown side by side, not {len(runs)}")
    if open_:
        require_template_engine()
    conditions, order = selection.parse_conditions(filter_ or ()), selection.parse_sort(sort)
    if any(_is_advice(run, results) for run in runs):
        _require_whole("--filter and --sort are of runs, not of an advice", conditions, order)
        _show_advice(runs, results, export or (), open_=open_)
        return
    parsed = exports.parse_exports(export or (), measures=False)
    paths = _find_runs(runs, results)
    saved = merge.merge_runs(*map(storage.load_run, paths)) if len(paths) > 1 else storage.load_run(paths[0])
    if saved.settings.links:
        _require_whole("--sort: a sweep is shown in the order of its releases", (), order)
        _show_sweep(saved, parsed, plot, color, conditions, paths if open_ else ())
        return
    write_plot = exports.build_plot_writer(plot)
    across = any(len(group) > 1 for group in saved.settings.environments)
    shown = comparison.parse_columns(parse.join_columns(columns), SIDE_COLUMNS if across else MODE_COLUMNS)
    report = build.build_report(saved, shown)
    if plot is not None and not report.figures and saved.corpus is None:
        raise UsageProblem(f"--plot: {saved.id} is no release sweep, no numeric parameter sweep and no corpus")
    selected = selection.select_rows(report, conditions, order) if conditions or order is not None else None
    output.show_report(report, parsed, color, selected)
    write_plot(selected or report)
    if open_:
        _open_page(report, paths)
    status.check_report_status(report)


def _require_whole(problem: str, conditions: Sequence[Condition], order: SortOrder | None) -> None:
    """Raises UsageProblem where rows are selected or sorted."""
    if conditions or order is not None:
        raise UsageProblem(problem, hint=f"show it without {'them' if ' and ' in problem else '--sort'}")


def _find_runs(names: Sequence[str], results: Path) -> list[Path]:
    """The paths of saved runs. Raises UsageProblem for a saved profile, StorageProblem for one that is not there."""
    for name in names:
        if PROFILES.is_saved(name, results):
            raise UsageProblem(f"{name} is a saved profile, not a run", hint=f"perfbench profile --show {name}")
    return [RUNS.find(name, results) for name in names]


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


def _show_sweep(
    saved: Run,
    parsed: Sequence[Export],
    plot: Path | None,
    color: str,
    conditions: Sequence[Condition],
    opened: Sequence[Path],
) -> None:
    """Show a sweep.

    :param opened: the paths of the runs whose page is opened; none if it is not.
    """
    if plot is not None:
        plot_file.check_plot_path(plot)
    try:
        sweep_output.show_sweep(saved, plot, color, output.choose_stream(parsed), conditions)
    finally:
        report = build.build_report(saved, SIDE_COLUMNS)
        exports.write_exports(report, parsed)
    if opened:
        _open_page(report, opened)
