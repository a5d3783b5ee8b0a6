"""The page of the verdicts on the advice that scenarios are about, from several saved runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from perfbench.report.model import Report
from perfbench.report.page.blocks import Command, Commands, Facts, Line, Page, Section
from perfbench.report.page.commands import quote
from perfbench.report.page.environment_diff import describe_machine
from perfbench.report.page.result_sections import build_verdict_table
from perfbench.report.page.run_page import SAMPLES_TEXT, embed_run
from perfbench.report.tables import advice
from perfbench.report.tables.advice import AdviceRow
from perfbench.util import formatting

UNDECIDED = "make no difference or are inconclusive"


def build_verdict_page(reports: Sequence[Report], names: Sequence[str] = ()) -> Page:
    """The page of all advice that these reports measured.

    :param names: the scenarios that were chosen; none: all.
    """
    rows = [row for report in reports for row in advice.build_rows(report)]
    runs = [report.run for report in reports]
    words = " ".join(("perfbench scenarios", *map(quote, names), "--verdicts"))
    options = "".join(f" --run {quote(run.id)}" for run in runs)
    facts = [(f"run {run.id}", f"measured {run.created[:10]} by perfbench {run.perfbench}") for run in runs]
    machine = tuple(describe_machine(runs[0].machine))
    return Page(
        title="Does the advice hold?",
        window="verdicts",
        sentence=_build_sentence(rows),
        about=f"from {formatting.format_plural(len(runs), 'run')}: {', '.join(run.id for run in runs)}",
        sections=(
            Section(
                "advice", "Advice", (build_verdict_table(rows),), "What is recommended, against what was measured."
            ),
            Section("runs", "Runs and machine", (Facts((*facts, *machine), wide=True),)),
            Section(
                "commands", "Show it again", (Commands((Command("In the terminal", words + options),)),), SAMPLES_TEXT
            ),
        ),
        documents=tuple(embed_run(run) for run in runs),
    )


def _build_sentence(rows: Sequence[AdviceRow]) -> Line:
    """How much of the advice holds."""
    counts = Counter(_classify(row.verdict) for row in rows)
    parts = [f"{counts[word]} {word}" for word in ("hold", "hold in part", "refuted", UNDECIDED) if counts[word]]
    return Line(f"Of {formatting.format_plural(len(rows), 'piece')} of advice, {', '.join(parts)}.")


def _classify(verdict: str) -> str:
    if verdict == "holds" or verdict.startswith("holds: "):
        return "hold"
    if verdict.startswith(("holds", "falls short")):
        return "hold in part"
    return "refuted" if verdict.startswith("refuted") else UNDECIDED
