"""Comment on a pull request at GitHub: as the step summary, within the characters that a comment may have."""

from __future__ import annotations

from perfbench.report.github_summary import render_summary
from perfbench.report.model import Report

SUFFIX = ".md"
MAX_CHARACTERS = 65_536
"""``Body is too long (maximum is 65536 characters)``, the answer of GitHub's API to a longer one."""


def render(report: Report) -> str:
    """The marker, a headline, the tables, the failures, and the other lines folded; at most 65,536 characters."""
    return render_summary(report, MAX_CHARACTERS, len, f"{MAX_CHARACTERS:,} characters in a comment")
