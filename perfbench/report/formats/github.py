"""Step summary for GitHub Actions: ``perfbench gate … --export github=summary.md``, then append it to $GITHUB_STEP_SUMMARY.

The marker at its top identifies a pull-request comment to update in place. Limits:
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#adding-a-job-summary (a comment on a pull
request may have no more than 65,536 characters).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from perfbench.report import markdown_text
from perfbench.report.model import Report
from perfbench.report.outcomes import CaseOutcome, OutcomeKind, collect_outcomes
from perfbench.report.tables import build_tables
from perfbench.report.text_table import FAILED_MARK, TextTable
from perfbench.util import formatting

SUFFIX = ".md"
MARKER = "<!-- perfbench -->"
MAX_BYTES = 1024 * 1024
DETAILS_OPEN, DETAILS_CLOSE = "<details>", "</details>"
RESERVED_BYTES = 200
"""Bytes reserved for the end of a truncated summary."""


def render(report: Report) -> str:
    """The marker, a headline, the tables, the failures, and the other lines folded; at most 1 MiB."""
    lines = [MARKER, f"### {_build_headline(report, collect_outcomes(report))}", ""]
    for page in build_tables(report):
        lines += _render_table(page)
    lines += [f"- **{_escape_text(problem)}**" for problem in report.problems]
    return "\n".join(_truncate_lines(lines)) + "\n"


def _build_headline(report: Report, outcomes: Sequence[CaseOutcome]) -> str:
    counts = Counter(outcome.status.value for outcome in outcomes if outcome.kind is not OutcomeKind.PASSED)
    cases = formatting.format_plural(len(outcomes), "case")
    exceptions = "".join(f", {count} {status}" for status, count in counts.items())
    if report.run.settings.gate is None:
        return f"perfbench: {cases}{exceptions}"
    return f"perfbench gate {'passed' if report.status.ok else 'failed'}: {cases}{exceptions}"


def _render_table(page: TextTable) -> Iterator[str]:
    yield from (f"**{_escape_text(page.title)}**", "")
    yield from (_escape_mentions(line) for line in markdown_text.format_table(page.heads, page.rows))
    yield ""
    failed = [line for line in page.below if line.startswith(FAILED_MARK)]
    others = [line for line in page.below if not line.startswith(FAILED_MARK)]
    yield from (f"- {_escape_text(line)}" for line in failed)
    yield from [""] * bool(failed)
    if others:
        yield from (DETAILS_OPEN, "<summary>How it was measured</summary>", "")
        yield from (f"- {_escape_text(line)}" for line in others)
        yield from ("", DETAILS_CLOSE, "")


def _escape_text(text: str) -> str:
    return _escape_mentions(markdown_text.escape_markdown(text))


def _escape_mentions(markdown: str) -> str:
    """Markdown in which no name of a file or environment mentions a user: GitHub looks for @ in the finished text."""
    return markdown.replace("@", "@&#8203;")


def _truncate_lines(lines: Sequence[str]) -> Sequence[str]:
    """As many whole lines as fit, then the number of the missing ones."""
    size = 0
    for number, line in enumerate(lines):
        size += len(line.encode()) + 1
        if size > MAX_BYTES - RESERVED_BYTES:
            kept = list(lines[:number])
            unclosed = kept.count(DETAILS_OPEN) - kept.count(DETAILS_CLOSE)
            return [
                *kept,
                *[""] * unclosed,
                *[DETAILS_CLOSE] * unclosed,
                "",
                f"{len(lines) - number:,} lines omitted (size limit).",
            ]
    return lines
