"""Annotations of GitHub Actions as workflow commands: ``--export github-annotations=-`` in a step shows them.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#setting-an-error-message; what is escaped
stands in https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from perfbench.report.model import Report
from perfbench.report.outcomes import OutcomeKind, collect_outcomes
from perfbench.util.formatting import make_printable

SUFFIX = ".txt"
MAX_ANNOTATIONS = 10
"""Annotations of a kind that GitHub shows of one step; it drops further ones without a word."""


def render(report: Report) -> str:
    """One line each: an error for every case that does not pass, a warning for what could not be told or is doubtful."""
    found = collect_outcomes(report)
    errors = [_build_message(f"{o.name}: {o.verdict}", o.lines) for o in found if o.bad]
    warnings = [_build_message(f"{o.name}: {o.verdict}", o.lines) for o in found if o.kind is OutcomeKind.OPEN]
    warnings += [_build_message("doubtful", [doubt]) for doubt in _find_warnings(report)]
    return "".join(f"{line}\n" for line in (*_format_commands("error", errors), *_format_commands("warning", warnings)))


def _find_warnings(report: Report) -> Iterable[str]:
    return dict.fromkeys(make_printable(doubt) for table in report.tables for doubt in table.doubts)


def _build_message(title: str, lines: Sequence[str]) -> tuple[str, str]:
    return title, "\n".join(lines)


def _format_commands(kind: str, found: Sequence[tuple[str, str]]) -> Iterator[str]:
    shown = (
        found
        if len(found) <= MAX_ANNOTATIONS
        else [*found[: MAX_ANNOTATIONS - 1], ("perfbench", f"and {len(found) - MAX_ANNOTATIONS + 1} more")]
    )
    yield from (f"::{kind} title={_escape_property(title)}::{_escape_data(message)}" for title, message in shown)


def _escape_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape_data(text).replace(":", "%3A").replace(",", "%2C")
