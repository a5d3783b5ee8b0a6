"""Annotations of GitHub Actions as workflow commands: ``--export github-annotations=-`` in a step shows them.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#setting-an-error-message; escaping as
in https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from perfbench.report.model import Report
from perfbench.report.outcomes import OutcomeKind, collect_outcomes
from perfbench.util.formatting import make_printable

SUFFIX = ".txt"
MAX_ANNOTATIONS = 10
"""Annotations of a kind that GitHub shows per step; it silently drops further ones."""


def render(report: Report) -> str:
    """A line each: an error for every case that does not pass, a warning for every inconclusive case and every warning."""
    outcomes = collect_outcomes(report)
    errors = [_build_message(f"{o.name}: {o.status}", o.lines) for o in outcomes if o.bad]
    warnings = [_build_message(f"{o.name}: {o.status}", o.lines) for o in outcomes if o.kind is OutcomeKind.OPEN]
    warnings += [_build_message("warning", [warning]) for warning in _find_warnings(report)]
    return "".join(f"{line}\n" for line in (*_format_commands("error", errors), *_format_commands("warning", warnings)))


def _find_warnings(report: Report) -> Iterable[str]:
    return dict.fromkeys(make_printable(warning) for table in report.tables for warning in table.warnings)


def _build_message(title: str, lines: Sequence[str]) -> tuple[str, str]:
    return title, "\n".join(lines)


def _format_commands(kind: str, messages: Sequence[tuple[str, str]]) -> Iterator[str]:
    shown = (
        messages
        if len(messages) <= MAX_ANNOTATIONS
        else [*messages[: MAX_ANNOTATIONS - 1], ("perfbench", f"and {len(messages) - MAX_ANNOTATIONS + 1} more")]
    )
    yield from (f"::{kind} title={_escape_property(title)}::{_escape_data(message)}" for title, message in shown)


def _escape_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape_data(text).replace(":", "%3A").replace(",", "%2C")
