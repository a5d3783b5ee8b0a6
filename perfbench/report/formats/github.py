"""Step summary for GitHub Actions: ``perfbench gate … --export github=summary.md``, then append it to $GITHUB_STEP_SUMMARY.

Its limit: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#adding-a-job-summary. A comment on a
pull request takes much less: ``github-comment``.
"""

from __future__ import annotations

from perfbench.report.github_summary import render_summary
from perfbench.report.model import Report

SUFFIX = ".md"
MAX_BYTES = 1024 * 1024


def render(report: Report) -> str:
    """The marker, a headline, the tables, the failures, and the other lines folded; at most 1 MiB."""
    return render_summary(report, MAX_BYTES, lambda text: len(text.encode()), "1 MiB in a step summary")
