"""A report as Markdown for GitHub within a size limit: what does not fit is left out in whole rows, counted and named.

The marker at its top identifies a pull-request comment to update in place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from perfbench.report import markdown_text
from perfbench.report.model import CaseStatus, Report
from perfbench.report.outcomes import CaseOutcome, OutcomeKind, collect_outcomes
from perfbench.report.tables import build_tables
from perfbench.report.text_table import FAILED_MARK, TextTable
from perfbench.util import formatting

MARKER = "<!-- perfbench -->"
DETAILS_OPEN, DETAILS_CLOSE = "<details>", "</details>"
REGRESSED = CaseStatus.REGRESSED.value
RESERVED_SIZE = 600
"""Of the limit, for the line that says what is left out."""

Measure = Callable[[str], int]
"""The size of a text in the unit of a limit: characters or bytes."""


@dataclass(frozen=True, slots=True)
class SummaryPart:
    """A table as lines of Markdown: its title and heads, its rows, what failed, and how it was measured."""

    head: tuple[str, ...]
    rows: tuple[str, ...]
    failed: tuple[str, ...]
    details: tuple[str, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """All of it."""
        return (*self.head, *self.rows, "", *self.failed, *[""] * bool(self.failed), *self.details)


def render_summary(report: Report, limit: int, measure: Measure, limit_text: str) -> str:
    """The marker, a headline, the tables, the failures, and the other lines folded, within this limit.

    What is too much goes in this order: how the tables after the first were measured, then rows, of tables in which everything is
    in order before those in which something failed.

    :param limit_text: the limit in words.
    """
    front = [MARKER, f"### {_build_headline(report, collect_outcomes(report))}", ""]
    problems = [f"- **{_escape_text(problem)}**" for problem in report.problems]
    parts = [_build_part(page) for page in build_tables(report)]
    whole = [*front, *(line for part in parts for line in part.lines), *problems]
    if _sum_sizes(whole, measure) <= limit:
        return "\n".join(whole) + "\n"
    first, *others = parts
    brief = [first, *(SummaryPart(part.head, part.rows, part.failed, ()) for part in others)]
    room = limit - RESERVED_SIZE - _sum_sizes(front, measure)
    kept_problems = _take(problems, room // 4, measure)
    kept = _select_parts(brief, room - _sum_sizes(kept_problems, measure), measure)
    note = _describe_omissions(report, parts, kept, len(problems) - len(kept_problems), limit_text)
    lines = [*front, *(line for part in kept for line in part.lines), *kept_problems, "", note]
    return "\n".join(lines) + "\n"


def _select_parts(parts: Sequence[SummaryPart], room: int, measure: Measure) -> list[SummaryPart]:
    """The parts that fit, the failing ones first, the last of them cut at a row; in their own order."""
    kept: dict[int, SummaryPart] = {}
    for place in sorted(range(len(parts)), key=lambda place: not parts[place].failed):
        part = _cut_part(parts[place], room, measure)
        if part is not None:
            kept[place] = part
            room -= _sum_sizes(part.lines, measure)
    return [kept[place] for place in sorted(kept)]


def _cut_part(part: SummaryPart, room: int, measure: Measure) -> SummaryPart | None:
    """The part with as many rows and failures as fit; None if not a single row does."""
    if _sum_sizes(part.lines, measure) <= room:
        return part
    room -= _sum_sizes((*part.head, "", ""), measure)
    failing_first = sorted(part.rows, key=lambda row: not (FAILED_MARK in row[:5] or REGRESSED in row))
    chosen = set(_take(failing_first, room * 2 // 3, measure))
    rows = tuple(row for row in part.rows if row in chosen)
    if not rows:
        return None
    failed = _take(part.failed, room - _sum_sizes(rows, measure), measure)
    return SummaryPart(part.head, rows, tuple(failed), ())


def _take(lines: Sequence[str], room: int, measure: Measure) -> list[str]:
    """As many whole lines as fit."""
    taken = []
    for line in lines:
        room -= measure(line) + 1
        if room < 0:
            break
        taken.append(line)
    return taken


def _sum_sizes(lines: Sequence[str], measure: Measure) -> int:
    return sum(measure(line) + 1 for line in lines)


def _describe_omissions(
    report: Report, parts: Sequence[SummaryPart], kept: Sequence[SummaryPart], problems: int, limit_text: str
) -> str:
    rows = sum(len(part.rows) for part in parts) - sum(len(part.rows) for part in kept)
    notes = sum(len(part.failed) for part in parts) - sum(len(part.failed) for part in kept) + problems
    counts = [
        formatting.format_plural(count, word)
        for count, word in ((len(parts) - len(kept), "table"), (rows, "row"), (notes, "note"))
        if count
    ]
    left = f"{', '.join(counts)} left out" if counts else "How some tables were measured is left out"
    return (
        f"{left}: GitHub takes at most {limit_text}. The whole run: {_escape_text(f'perfbench show {report.run.id}')}"
    )


def _build_headline(report: Report, outcomes: Sequence[CaseOutcome]) -> str:
    counts = Counter(outcome.status.value for outcome in outcomes if outcome.kind is not OutcomeKind.PASSED)
    cases = formatting.format_plural(len(outcomes), "case")
    exceptions = "".join(f", {count} {status}" for status, count in counts.items())
    if report.run.settings.gate is None:
        return f"perfbench: {cases}{exceptions}"
    return f"perfbench gate {'passed' if report.status.ok else 'failed'}: {cases}{exceptions}"


def _build_part(page: TextTable) -> SummaryPart:
    head, rule, *rows = (_escape_mentions(line) for line in markdown_text.format_table(page.heads, page.rows))
    failed = tuple(f"- {_escape_text(line)}" for line in page.below if line.startswith(FAILED_MARK))
    others = [f"- {_escape_text(line)}" for line in page.below if not line.startswith(FAILED_MARK)]
    details = (DETAILS_OPEN, "<summary>How it was measured</summary>", "", *others, "", DETAILS_CLOSE, "")
    title = (f"**{_escape_text(page.title)}**", "", head, rule)
    return SummaryPart(title, tuple(rows), failed, details if others else ())


def _escape_text(text: str) -> str:
    return _escape_mentions(markdown_text.escape_markdown(text))


def _escape_mentions(markdown: str) -> str:
    """Markdown in which no name of a file or environment mentions a user: GitHub looks for @ in the finished text."""
    return markdown.replace("@", "@&#8203;")
