"""Print a report to standard output and write its exports."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from perfbench.cli import console
from perfbench.cli.exports import MAX_PLOT_WIDTH, STANDARD_OUTPUT, Export, write_exports
from perfbench.report.formats import terminal
from perfbench.report.model import Report
from perfbench.report.plots import crossover_terminal


def show_report(report: Report, exports: Sequence[Export], color: str) -> None:
    """Print the tables and a plot of each figure of a sweep, and write the exports.

    Tables and plots go to standard error if an export goes to standard output.

    Raises NotMeasured for files that cannot be written, after everything else is.
    """
    to_stdout = next((export for export in exports if export.file == STANDARD_OUTPUT), None)
    stream = sys.stderr if to_stdout else sys.stdout
    stream.write(terminal.render(report, width=console.detect_width(stream), color=console.wants_color(stream, color)))
    for figure in report.figures:
        width = min(MAX_PLOT_WIDTH, console.detect_width(stream))
        stream.write("\n" + crossover_terminal.plot_figure(figure, width, color=console.wants_color(stream, color)))
    stream.flush()
    write_exports(report, exports)
