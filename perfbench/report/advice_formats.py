"""Formats of an advice: the saved document with what it concludes as JSON, and Markdown for a pull request or a note."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from perfbench.report import markdown_text
from perfbench.report.advice_report import AdviceReport, LeverRow, Speedup
from perfbench.report.markdown_text import escape_markdown
from perfbench.report.page.advice_page import build_advice_page
from perfbench.report.page.render import render_page
from perfbench.report.tables import advice_page
from perfbench.worker.program_messages import Proposal


def render_json(report: AdviceReport) -> str:
    """The advice as it is saved, with one more key, ``evaluation``: the rows, the combination and the saving."""
    document = msgspec.to_builtins(report.document)
    combination, saving = report.combination, report.saving
    document["evaluation"] = {
        "verdict": list(advice_page.describe_verdict(report)),
        "advised": [row.proposal.title for row in report.advised],
        "levers": [_describe_row(row) for row in report.rows],
        "combination": None
        if combination is None
        else {
            "confirmed": combination.confirmed,
            "levers": [row.proposal.title for row in combination.rows],
            **_describe_speedup(combination.speedup),
            "product": combination.product,
        },
        "corpus": None if saving is None else {"name": saving.name, "before": saving.before, "after": saving.after},
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=1).decode() + "\n"


def render_markdown(report: AdviceReport) -> str:
    """The ranked table, the verdict, and what to write, as GitHub-flavoured Markdown."""
    document = report.document
    rows = [
        (f"{'▲ ' if row.advised else ''}{advice_page.format_cells(row)[0]}", *advice_page.format_cells(row)[1:])
        for row in report.rows
    ]
    lines = [f"**{escape_markdown(advice_page.format_title(document))}**", ""]
    lines += [*markdown_text.format_table(advice_page.HEADS, rows), ""] if rows else []
    lines += [f"- {escape_markdown(line)}" for line in advice_page.describe_verdict(report)]
    for row in report.advised:
        lines += ["", *_format_proposal(row.proposal)]
    if document.named:
        lines += ["", "Named, not tried:"]
    for proposal in document.named:
        lines += ["", *_format_proposal(proposal)]
    lines += ["", *(f"- {escape_markdown(line)}" for line in advice_page.describe_remainder(report))]
    lines += [f"- {escape_markdown(advice_page.describe_conditions(document))}"]
    lines += [f"- **{escape_markdown(line)}**" for line in advice_page.list_warnings(document)]
    return "\n".join(lines) + "\n"


def render_html(report: AdviceReport) -> str:
    """A page for a browser, with the advice inside. Raises ExtraMissing where Jinja2 is missing."""
    return render_page(build_advice_page(report))


ADVICE_FORMATS: dict[str, Callable[[AdviceReport], str]] = {
    "html": render_html,
    "json": render_json,
    "markdown": render_markdown,
}
"""The formats that an advice can be exported in."""


def _describe_row(row: LeverRow) -> dict[str, Any]:
    speedup = {} if row.speedup is None else _describe_speedup(row.speedup)
    return {
        "lever": row.proposal.lever,
        "title": row.proposal.title,
        "class": row.kind,
        "result": row.outcome,
        "advised": row.advised,
        **speedup,
    }


def _describe_speedup(speedup: Speedup) -> dict[str, Any]:
    ends = {
        name: value if math.isfinite(value) else None for name, value in (("low", speedup.low), ("high", speedup.high))
    }
    return {"faster": speedup.ratio, **ends, "pairs": speedup.pairs}


def _format_proposal(proposal: Proposal) -> Iterator[str]:
    reason = f": {escape_markdown(proposal.reason)}" if proposal.reason else ""
    source = f" ({proposal.source})" if proposal.source else ""
    yield f"**{escape_markdown(proposal.title)}**{reason}{source}"
    if proposal.write:
        fence = "`" * max(3, 1 + max((len(run) for run in proposal.write.split("\n") if set(run) == {"`"}), default=0))
        yield from ("", fence, *proposal.write.splitlines(), fence)
