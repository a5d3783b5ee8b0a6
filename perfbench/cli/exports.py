"""Parsing and writing of --export and --plot."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from perfbench.errors import NotMeasured, UsageProblem
from perfbench.report.formats import list_formats, load_renderer
from perfbench.report.model import Report
from perfbench.report.page.render import require_template_engine
from perfbench.report.plots import plot_file
from perfbench.util.extras import require_extra
from perfbench.util.files import check_destination, write_atomically
from perfbench.util.suggest import suggest_name

STANDARD_OUTPUT = "-"
EXPORT_CHOICE = "--export file"
PAGE_FORMAT = "html"


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
        if name == PAGE_FORMAT:
            require_template_engine()
        if file != STANDARD_OUTPUT:
            check_destination(f"--export {text}", Path(file), probe=measures)
        parsed.append(Export(name, file))
    if sum(export.file == STANDARD_OUTPUT for export in parsed) > 1:
        raise UsageProblem("--export: only one format can go to standard output", hint="export the others to files")
    return tuple(parsed)


def write_exports(report: Report, exports: Sequence[Export]) -> None:
    """Write the exports. Raises NotMeasured for those that cannot be written, after all others are."""
    failures: list[NotMeasured] = []
    for export in exports:
        if export.file == STANDARD_OUTPUT:
            sys.stdout.write(load_renderer(export.format)(report))
        else:
            try:
                write_atomically(Path(export.file), load_renderer(export.format)(report).encode(), EXPORT_CHOICE)
            except NotMeasured as error:
                failures.append(error)
    if len(failures) > 1:
        raise NotMeasured("; ".join(map(str, failures)), hint=failures[0].hint)
    if failures:
        raise failures[0]


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
