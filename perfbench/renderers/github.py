"""A summary of a step of GitHub Actions: ``perfbench gate … --export github=summary.md``, then append it to $GITHUB_STEP_SUMMARY.

The comment at its top marks a comment on a pull request that is to be updated in place. Limits:
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#adding-a-job-summary (a comment on a pull
request may have no more than 65,536 characters).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from perfbench import formatting, markdown_text
from perfbench.layout import FAILED, Cells
from perfbench.outcomes import Kind, Outcome, outcomes
from perfbench.pages import pages
from perfbench.report import Report

SUFFIX = ".md"
MARKER = "<!-- perfbench -->"
MOST_BYTES = 1024 * 1024
OPEN, CLOSE = "<details>", "</details>"
ROOM = 200
"""Bytes for the end of a summary that was cut."""


def render(report: Report) -> str:
    """The marker, a headline, the tables, what failed, and the rest of the lines folded; at most 1 MiB."""
    lines = [MARKER, f"### {_headline(report, outcomes(report))}", ""]
    for page in pages(report):
        lines += _page(page)
    lines += [f"- **{_text(problem)}**" for problem in report.problems]
    return "\n".join(_fitting(lines)) + "\n"


def _headline(report: Report, found: Sequence[Outcome]) -> str:
    told = Counter(outcome.verdict for outcome in found if outcome.kind is not Kind.PASSED)
    cases = formatting.plural(len(found), "case")
    exceptions = "".join(f", {count} {verdict}" for verdict, count in told.items())
    if report.run.settings.gate is None:
        return f"perfbench: {cases}{exceptions}"
    passed = "not passed" if any(outcome.bad for outcome in found) else "passed"
    return f"perfbench gate {passed}: {cases}{exceptions}"


def _page(page: Cells) -> Iterator[str]:
    yield from (f"**{_text(page.title)}**", "")
    yield from (_quiet(line) for line in markdown_text.table(page.heads, page.rows))
    yield ""
    failed = [line for line in page.below if line.startswith(FAILED)]
    others = [line for line in page.below if not line.startswith(FAILED)]
    yield from (f"- {_text(line)}" for line in failed)
    yield from [""] * bool(failed)
    if others:
        yield from (OPEN, "<summary>How it was measured</summary>", "")
        yield from (f"- {_text(line)}" for line in others)
        yield from ("", CLOSE, "")


def _text(text: str) -> str:
    return _quiet(markdown_text.escape(text))


def _quiet(markdown: str) -> str:
    """Markdown in which no name of a file or an environment calls a person: GitHub looks for @ in the finished text."""
    return markdown.replace("@", "@&#8203;")


def _fitting(lines: Sequence[str]) -> Sequence[str]:
    """As many whole lines as there is room for, and how many are missing."""
    size = 0
    for number, line in enumerate(lines):
        size += len(line.encode()) + 1
        if size > MOST_BYTES - ROOM:
            kept = list(lines[:number])
            unclosed = kept.count(OPEN) - kept.count(CLOSE)
            return [
                *kept,
                *[""] * unclosed,
                *[CLOSE] * unclosed,
                "",
                f"{len(lines) - number:,} lines had no room here.",
            ]
    return lines
