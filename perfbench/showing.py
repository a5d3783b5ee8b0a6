"""Output of a report: tables and plots to the terminal, exports to files, errors for the exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from perfbench import crossing_terminal, figures, gate_table, screens
from perfbench.errors import Inconclusive, NotMeasured, OutputsDiffer, Regressed, UsageProblem
from perfbench.model import Verdict
from perfbench.naming import suggestion
from perfbench.renderers import formats, renderer, terminal
from perfbench.report import Report, Row
from perfbench.storage import check_destination, write_atomically

STANDARD_OUTPUT = "-"
EXPORT = "--export file"
WIDEST_PLOT = 120


@dataclass(frozen=True, slots=True)
class Export:
    """A format and the file to write it to, ``-`` for standard output."""

    format: str
    file: str


def exports(texts: Sequence[str]) -> tuple[Export, ...]:
    """Parse the ``--export FORMAT=FILE`` options. Raises UsageProblem, before anything is measured."""
    parsed = []
    for text in texts:
        name, _, file = text.partition("=")
        if name not in formats():
            hint = suggestion(name, formats()).removeprefix("; ")
            raise UsageProblem(f"--export {text}: no format `{name}`", hint=hint)
        if not file:
            hint = f"write {name}=FILE, or {name}=- for standard output"
            raise UsageProblem(f"--export {text}: no file is named", hint=hint)
        if file != STANDARD_OUTPUT:
            check_destination(f"--export {text}", Path(file))
        parsed.append(Export(name, file))
    if sum(export.file == STANDARD_OUTPUT for export in parsed) > 1:
        raise UsageProblem("--export: only one format can go to standard output", hint="export the others to files")
    return tuple(parsed)


def show(report: Report, wanted: Sequence[Export], color: str) -> None:
    """Print the tables and a plot of each figure of a sweep, and write the exports.

    Tables and plots go to standard error if an export goes to standard output.

    Raises NotMeasured for files that cannot be written, after everything else was.
    """
    to_stdout = next((export for export in wanted if export.file == STANDARD_OUTPUT), None)
    stream = sys.stderr if to_stdout else sys.stdout
    stream.write(terminal.render(report, width=screens.width(stream), color=screens.colored(stream, color)))
    for figure in figures.figures(report):
        width = min(WIDEST_PLOT, screens.width(stream))
        stream.write("\n" + crossing_terminal.terminal_plot(figure, width, color=screens.colored(stream, color)))
    stream.flush()
    write(report, wanted)


def write(report: Report, wanted: Sequence[Export]) -> None:
    """Write the exports. Raises NotMeasured for those that cannot be written, after all others were."""
    failures: list[NotMeasured] = []
    for export in wanted:
        if export.file == STANDARD_OUTPUT:
            sys.stdout.write(renderer(export.format)(report))
        else:
            try:
                write_atomically(Path(export.file), renderer(export.format)(report).encode(), EXPORT)
            except NotMeasured as error:
                failures.append(error)
    if len(failures) > 1:
        raise NotMeasured("; ".join(map(str, failures)), hint=failures[0].hint)
    if failures:
        raise failures[0]


def picture(plot: Path | None) -> Callable[[Report], None]:
    """A function that writes the figures of a report into this file. Raises UsageProblem for a file that cannot be written."""
    if plot is None:
        return lambda _report: None
    from perfbench import crossing_plotting, plotting  # noqa: PLC0415 - matplotlib takes half a second, and few ask for it

    plotting.check_plot_path(plot)
    return partial(crossing_plotting.write_plot, path=plot)


def verdict(report: Report, hint: str = "") -> None:
    """Raise the error of a report that is not all right: OutputsDiffer, Regressed, NotMeasured or Inconclusive.

    A gate passes only if everything is measured and nothing regressed; inconclusive cases fail it where its terms say so.

    :param hint: what to do where not everything is measured.
    """
    if report.outputs_differ:
        raise OutputsDiffer('not every mode gives the same output (see the lines marked "!")')
    terms = report.run.settings.gate
    rows = [row for table in report.tables for row in table.rows if not row.baseline]
    if terms is not None and (breached := sum(bool(row.breaches) for row in rows)):
        raise Regressed(f"the gate failed: {breached} of {len(rows)} cases regressed or exceed a budget")
    if report.incomplete or (terms is not None and not _all_measured(report, rows)):
        raise NotMeasured('not everything was measured (see the lines marked "!")', hint=hint)
    if terms is not None and terms.fail_on_inconclusive:
        inconclusive = sum(gate_table.verdict(row) == Verdict.INCONCLUSIVE.value for row in rows)
        if inconclusive:
            cause = f"the gate is inconclusive in {inconclusive} of {len(rows)} cases"
            raise Inconclusive(cause, hint="raise --max-time")


def _all_measured(report: Report, rows: Sequence[Row]) -> bool:
    """Whether every comparison that a gate declared has a verdict; a gate without comparisons has measured nothing."""
    declared = len(report.run.duets)
    return declared > 0 and len(rows) == declared and all(map(gate_table.measured, rows))
