"""Output of an advice: the page on the terminal, and its exports."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from perfbench.advise.model import AdviceDocument
from perfbench.cli import console, output
from perfbench.cli.exports import EXPORT_CHOICE, STANDARD_OUTPUT, Export, parse_exports
from perfbench.errors import UsageProblem
from perfbench.report import advice_formats
from perfbench.report.advice_formats import ADVICE_FORMATS
from perfbench.report.advice_report import build_advice_report
from perfbench.report.tables.advice_page import render_advice, render_levers
from perfbench.util.files import write_atomically


def parse_advice_exports(texts: Sequence[str], *, measures: bool = True) -> tuple[Export, ...]:
    """Parse the ``--export FORMAT=FILE`` options of an advice. Raises UsageProblem, also for a format of runs only.

    :param measures: as of ``parse_exports``.
    """
    parsed = parse_exports(texts, measures=measures)
    for export in parsed:
        if export.format not in ADVICE_FORMATS:
            raise UsageProblem(
                f"--export {export.format}: not a format of an advice",
                hint=f"choose one of {', '.join(ADVICE_FORMATS)}",
            )
    return parsed


def render_page(document: AdviceDocument) -> str:
    """The page of a saved advice."""
    return advice_formats.render_html(build_advice_report(document))


def build_lines(document: AdviceDocument, width: int) -> Sequence[str]:
    """The table of the levers that are known so far, while the rest is measured; no lines before there is any."""
    return render_levers(build_advice_report(document), width).splitlines() if document.candidates else []


def show_advice(document: AdviceDocument, exports: Sequence[Export]) -> None:
    """Print the page and write the exports, also if the screen cannot be written.

    The page goes to standard error if an export goes to standard output. Raises NotMeasured for files that cannot be written.
    """
    report = build_advice_report(document)
    stream = output.choose_stream(exports)
    try:
        stream.write(render_advice(report, console.detect_width(stream)))
        stream.flush()
    finally:
        for export in exports:
            text = ADVICE_FORMATS[export.format](report)
            if export.file == STANDARD_OUTPUT:
                sys.stdout.write(text)
            else:
                write_atomically(Path(export.file), text.encode(), EXPORT_CHOICE)
