"""A report to the terminal and into files, and what the exit code says about it."""

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
from perfbench.storage import write_atomically

STANDARD_OUTPUT = "-"
WIDEST_PLOT = 120


@dataclass(frozen=True, slots=True)
class Export:
    """A format and the file to write it to, ``-`` for standard output."""

    format: str
    file: str


def exports(texts: Sequence[str]) -> tuple[Export, ...]:
    """The ``--export FORMAT=FILE`` options. Raises UsageProblem, before anything is measured."""
    found = []
    for text in texts:
        name, _, file = text.partition("=")
        if name not in formats():
            raise UsageProblem(f"--export {text}: no format `{name}`{suggestion(name, formats())}")
        if not file:
            raise UsageProblem(f"--export {text}: write {name}=FILE, or {name}=- for standard output")
        if file != STANDARD_OUTPUT and not Path(file).absolute().parent.is_dir():
            raise UsageProblem(f"--export {text}: there is no folder {Path(file).parent}")
        found.append(Export(name, file))
    if sum(export.file == STANDARD_OUTPUT for export in found) > 1:
        raise UsageProblem("--export: only one format can go to standard output")
    return tuple(found)


def show(report: Report, wanted: Sequence[Export], color: str) -> None:
    """Print the tables and a plot of each figure of a sweep, and write the exports.

    What is printed makes way to standard error for an export to standard output.

    Raises StorageProblem for a file that cannot be written, after everything else was.
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
    """Write the exports. Raises StorageProblem for a file that cannot be written, after everything else was."""
    failed = None
    for export in wanted:
        if export.file == STANDARD_OUTPUT:
            sys.stdout.write(renderer(export.format)(report))
        else:
            try:
                write_atomically(Path(export.file), renderer(export.format)(report).encode())
            except NotMeasured as error:
                failed = error
    if failed is not None:
        raise failed


def picture(plot: Path | None) -> Callable[[Report], None]:
    """What writes the figures of a report into this file. Raises UsageProblem for a name that does not say in which format."""
    if plot is None:
        return lambda _report: None
    from perfbench import crossing_plotting, plotting  # noqa: PLC0415 - matplotlib takes half a second, and few ask for it

    plotting.demand_suffix(plot)
    return partial(crossing_plotting.write_plot, path=plot)


def verdict(report: Report) -> None:
    """Raises OutputsDiffer or NotMeasured where the report bears a difference or lacks something.

    Of a gate also Regressed, and Inconclusive where its terms say so: it passes only what was measured in full and is clear.
    """
    if report.outputs_differ:
        raise OutputsDiffer("not every mode gives the same output; the lines with ! say where it differs")
    terms = report.run.settings.gate
    judged = [row for table in report.tables for row in table.rows if not row.baseline]
    if terms is not None and (breached := sum(bool(row.breaches) for row in judged)):
        raise Regressed(f"the gate is not passed: {breached} of {len(judged)} cases regressed or exceed a budget")
    if report.incomplete or (terms is not None and not _all_measured(report, judged)):
        raise NotMeasured("not everything was measured; the lines with ! say why")
    if terms is not None and terms.fail_on_inconclusive:
        open_ = sum(gate_table.verdict(row) == Verdict.INCONCLUSIVE.value for row in judged)
        if open_:
            raise Inconclusive(f"the gate could not tell in {open_} of {len(judged)} cases; give it more --max-time")


def _all_measured(report: Report, judged: Sequence[Row]) -> bool:
    """Whether every comparison that a gate declared has a verdict; one that declares none has measured nothing."""
    declared = len(report.run.duets)
    return declared > 0 and len(judged) == declared and all(map(gate_table.measured, judged))
