"""Parsing and writing of --export and --plot."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from perfbench.errors import NotMeasured, UsageProblem
from perfbench.report.formats import (
    BINARY_FORMATS,
    find_needed_package,
    list_formats,
    load_binary_renderer,
    load_renderer,
)
from perfbench.report.model import Report
from perfbench.report.page.render import require_template_engine
from perfbench.report.plots import plot_file
from perfbench.util.extras import find_extra, require_extra
from perfbench.util.files import check_destination, write_atomically
from perfbench.util.suggest import suggest_name

STANDARD_OUTPUT = "-"
EXPORT_CHOICE = "--export file"
PAGE_FORMAT = "html"
TABLE_FORMATS = ("terminal", "markdown")
"""Formats that show selected rows only; all others hold the whole run."""


@dataclass(frozen=True, slots=True)
class Export:
    """A format and the file to write it to, ``-`` for standard output."""

    format: str
    file: str


def parse_exports(texts: Sequence[str], *, measures: bool = True) -> tuple[Export, ...]:
    """Parse the ``--export FORMAT=FILE`` options. Raises UsageProblem, before anything is measured.

    :param measures: whether much would be lost if a file turned out not to be writable.
    """
    parsed = []
    for text in texts:
        name, _, file = text.partition("=")
        if name not in list_formats():
            hint = suggest_name(name, list_formats()).removeprefix("; ")
            raise UsageProblem(f"--export {text}: no format `{name}`", hint=hint)
        if not file:
            hint = f"write {name}=FILE, or {name}=- for standard output"
            raise UsageProblem(f"--export {text}: no file is named", hint=hint)
        parsed.append(Export(name, file))
        _check_export(parsed[-1], text, measures)
    if sum(export.file == STANDARD_OUTPUT for export in parsed) > 1:
        raise UsageProblem("--export: only one format can go to standard output", hint="export the others to files")
    return tuple(parsed)


def _check_export(export: Export, text: str, measures: bool) -> None:
    """Raises UsageProblem for an export that cannot be written, or whose package is not installed."""
    if export.format == PAGE_FORMAT:
        require_template_engine()
    if package := find_needed_package(export.format):
        require_extra(find_extra(package), f"--export {text}", package)
    if export.file != STANDARD_OUTPUT:
        check_destination(f"--export {text}", Path(export.file), probe=measures)
    elif export.format in BINARY_FORMATS and sys.stdout.isatty():
        raise UsageProblem(f"--export {text}: standard output is a terminal", hint=f"write {export.format}=FILE")


def write_exports(report: Report, exports: Sequence[Export], selected: Report | None = None) -> None:
    """Write the exports. Raises NotMeasured for those that cannot be written, after all others are.

    :param selected: the report with the rows that formats of tables show; None: all.
    """
    failures: list[NotMeasured] = []
    for export in exports:
        shown = selected if selected is not None and export.format in TABLE_FORMATS else report
        try:
            _write_export(export, shown)
        except NotMeasured as error:
            failures.append(error)
    if len(failures) > 1:
        raise NotMeasured("; ".join(map(str, failures)), hint=failures[0].hint)
    if failures:
        raise failures[0]


def _write_export(export: Export, report: Report) -> None:
    """Write an export into its file or to standard output. Raises StorageProblem for a file."""
    if export.format in BINARY_FORMATS:
        content = load_binary_renderer(export.format)(report)
        if export.file == STANDARD_OUTPUT:
            sys.stdout.flush()
            sys.stdout.buffer.write(content)
            return
    else:
        text = load_renderer(export.format)(report)
        if export.file == STANDARD_OUTPUT:
            sys.stdout.write(text)
            return
        content = text.encode()
    write_atomically(Path(export.file), content, EXPORT_CHOICE)


def build_plot_writer(plot: Path | None) -> Callable[[Report], None]:
    """A function that writes the plot of a report into this file: of its corpora, or of its parameter sweep.

    Raises UsageProblem for a file that cannot be written.
    """
    if plot is None:
        return lambda _report: None
    plot_file.check_plot_path(plot)
    return partial(_write_plot, path=plot)


def _write_plot(report: Report, path: Path) -> None:
    """Write the plot of a report. Raises NotMeasured if there is nothing to plot, StorageProblem if it fails."""
    require_extra("plots", "--plot", "matplotlib")
    from perfbench.report.plots import crossover, survey  # noqa: PLC0415 - an extra

    summaries = [table.survey for table in report.tables if table.survey is not None and table.survey.pairs]
    if summaries:
        survey.write_survey_plot(summaries, path)
    elif report.run.corpus is not None:
        raise NotMeasured("--plot: no ratio of the corpus was measured", hint="compare two modes or environments")
    else:
        crossover.write_crossover_plot(report, path=path)
