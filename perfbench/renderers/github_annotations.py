"""Annotations of GitHub Actions as workflow commands: ``--export github-annotations=-`` in a step shows them.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#setting-an-error-message; what is escaped
stands in https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from perfbench.formatting import printable
from perfbench.outcomes import Kind, outcomes
from perfbench.report import Report

SUFFIX = ".txt"
MOST = 10
"""Annotations of a kind that GitHub shows of one step; it drops further ones without a word."""


def render(report: Report) -> str:
    """One line each: an error for every case that does not pass, a warning for what could not be told or is doubtful."""
    found = outcomes(report)
    errors = [_told(f"{o.name}: {o.verdict}", o.lines) for o in found if o.bad]
    warnings = [_told(f"{o.name}: {o.verdict}", o.lines) for o in found if o.kind is Kind.OPEN]
    warnings += [_told("doubtful", [doubt]) for doubt in _doubts(report)]
    return "".join(f"{line}\n" for line in (*_commands("error", errors), *_commands("warning", warnings)))


def _doubts(report: Report) -> Iterable[str]:
    return dict.fromkeys(printable(doubt) for table in report.tables for doubt in table.doubts)


def _told(title: str, lines: Sequence[str]) -> tuple[str, str]:
    return title, "\n".join(lines)


def _commands(kind: str, found: Sequence[tuple[str, str]]) -> Iterator[str]:
    shown = found if len(found) <= MOST else [*found[: MOST - 1], ("perfbench", f"and {len(found) - MOST + 1} more")]
    yield from (f"::{kind} title={_property(title)}::{_data(message)}" for title, message in shown)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
