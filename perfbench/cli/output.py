"""Print a report to standard output and write its exports."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TextIO

from perfbench.cli import console, terminal_plots
from perfbench.cli.exports import STANDARD_OUTPUT, Export, write_exports
from perfbench.report.formats import terminal
from perfbench.report.model import Report


def show_report(report: Report, exports: Sequence[Export], color: str, selected: Report | None = None) -> None:
    """Print the tables and a plot of each figure of a sweep, and write the exports, also if the screen cannot be written.

    Tables and plots go to standard error if an export goes to standard output.

    :param selected: the report with the rows to show, if not all; exports of tables have these too, all others everything.

    Raises NotMeasured for files that cannot be written, after everything else is, and OSError for the screen.
    """
    stream = choose_stream(exports)
    try:
        for text in _render_parts(selected or report, stream, color):
            stream.write(text)
        stream.flush()
    finally:
        write_exports(report, exports, selected)


def choose_stream(exports: Sequence[Export]) -> TextIO:
    """Where tables and plots go: to standard output, unless an export has it for itself."""
    return sys.stderr if any(export.file == STANDARD_OUTPUT for export in exports) else sys.stdout


def _render_parts(report: Report, stream: TextIO, color: str) -> Iterator[str]:
    width, colored = console.detect_width(stream), console.wants_color(stream, color)
    yield terminal.render(report, width=width, color=colored)
    yield terminal_plots.plot_figures(report.figures, width, color=colored)
