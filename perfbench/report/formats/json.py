"""The saved document itself: lossless, raw samples, accepted by ``perfbench show``; of a gate also what it concluded."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import msgspec

from perfbench.gate.budgets import BudgetResult, format_budget
from perfbench.report.model import Report, Row

SUFFIX = ".json"
RATIO_KEYS = ("before", "after", "ratio", "low", "high", "pairs", "detectable")


def render(report: Report) -> str:
    """The run as it is saved; the published schema is ``run.schema.json`` in the package.

    That of a gate has one more key, ``evaluation``: its status, and for each case the ratio and the result of each budget.
    """
    document = msgspec.to_builtins(report.run)
    if report.run.settings.gate is not None:
        document["evaluation"] = {
            "status": report.status.kind.value,
            "message": report.status.message,
            "cases": list(_evaluate_cases(report)),
        }
    return msgspec.json.format(msgspec.json.encode(document), indent=1).decode() + "\n"


def _evaluate_cases(report: Report) -> Iterator[dict[str, Any]]:
    for row in (row for table in report.tables for row in table.rows if not row.baseline):
        comparison = row.comparison
        ratio = {} if comparison is None else {name: _finite(getattr(comparison, name)) for name in RATIO_KEYS}
        budgets = [_describe_budget(result) for result in row.budgets]
        yield {"case": row.case, "status": row.status.value, **ratio, "budgets": budgets, "reasons": _list_reasons(row)}


def _describe_budget(result: BudgetResult) -> dict[str, Any]:
    return {
        "budget": format_budget(result.budget),
        "limit": result.budget.limit,
        "before": None if result.before is None else _finite(result.before),
        "after": _finite(result.after),
        "measured": result.measured,
        "exceeded": bool(result.breach),
    }


def _list_reasons(row: Row) -> list[str]:
    return [*row.breaches, *row.notes]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
