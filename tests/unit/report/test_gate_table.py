"""The table of a gate: what was measured against each budget, and the closing line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from support.runs import gated, measurement, scenario, sides_of

from perfbench.gate.budgets import format_budget
from perfbench.model import Budget, GatePolicy, Measurement, Metric
from perfbench.report import build, terminal_table, text_table
from perfbench.report.formats import load_renderer
from perfbench.report.model import Report
from perfbench.report.tables.gate import build_gate_table

BUDGETS = (Budget("memory", 0.05), Budget("peak", 200e6), Budget("change", 0.05, metric="bytes_per_update"))
METRIC = Metric("bytes", name="bytes_per_update")


def with_numbers(side: Measurement, peak: float, size: float) -> Measurement:
    first = side.samples[0]
    memory = [
        replace(first, kind="memory", round=n, pair=f"memory {n}", metrics={"peak_rss_bytes": peak}) for n in range(5)
    ]
    alone = [
        replace(first, kind="alone", round=n, pair=f"alone {n}", numbers={"bytes_per_update": size + n / 10})
        for n in range(5)
    ]
    return replace(side, samples=(*side.samples, *memory, *alone))


def report_of(peak: float = 101e6, size: float = 97.0, budgets: Sequence[Budget] = BUDGETS) -> Report:
    before, after = sides_of("plain", [1.0] * 136, [1.0] * 136)
    run = gated([with_numbers(before, 100e6, 96.0), with_numbers(after, peak, size)], budgets=tuple(budgets))
    return build.build_report(replace(run, scenarios=(replace(scenario("plain"), metrics=(METRIC,)),)), ())


def test_gate_shows_what_was_measured_against_each_budget() -> None:
    table = build_gate_table(report_of())
    cells = dict(zip(table.heads, table.rows[0], strict=True))
    assert cells["memory=5%"] == "100.0 MB → 101.0 MB, +1.0 %"
    assert cells["peak=200MB"] == "101.0 MB"
    assert cells["bytes_per_update=5%"] == "96.2 B → 97.2 B, +1.0 %"
    assert len(table.ranks) == len(table.heads) == len(table.rows[0])


def test_passing_gate_says_so_and_names_its_budgets() -> None:
    line = build_gate_table(report_of()).below[-1]
    assert line == "gate passed: 1 case (1 unchanged), within memory=5%, peak=200MB, bytes_per_update=5%"


def test_failing_gate_says_so_beside_the_measured_figure() -> None:
    table = build_gate_table(report_of(peak=120e6))
    assert table.below[-1] == "gate failed: 1 case (1 over budget)"
    assert "100.0 MB → 120.0 MB, +20.0 %" in table.rows[0]


@pytest.mark.parametrize("width", [40, 60, 80])
def test_measured_budgets_and_verdict_stay_whole_in_a_narrow_terminal(width: int) -> None:
    parts = terminal_table.build_parts(build_gate_table(report_of()), width)
    text = text_table.render_text(*parts, width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "unchanged" in text
    assert "101.0 MB, +1.0 %" in text or "memory=5%" in text.partition("not shown in")[2]


@pytest.mark.parametrize("name", ["markdown", "github"])
def test_markdown_has_budgets_and_closing_line(name: str) -> None:
    text = load_renderer(name)(report_of())
    assert "101.0 MB" in text
    assert "gate passed: 1 case" in text


def test_json_has_the_result_of_each_budget() -> None:
    document = json.loads(load_renderer("json")(report_of(peak=120e6)))
    evaluation = document["evaluation"]
    assert evaluation["status"] == "regressed"
    (case,) = evaluation["cases"]
    assert case["status"] == "over budget"
    memory, peak, _ = case["budgets"]
    assert (memory["before"], memory["after"], memory["limit"], memory["exceeded"]) == (100e6, 120e6, 0.05, True)
    assert (peak["budget"], peak["after"], peak["exceeded"]) == ("peak=200MB", 120e6, False)


def test_ratio_of_modes_is_shown_with_its_interval() -> None:
    light, heavy = measurement("light", [1.0] * 24), measurement("heavy", [1.5] * 24)
    run = gated([light, heavy], budgets=(Budget("ratio", 1.8, "heavy", "light"),))
    table = build_gate_table(build.build_report(run, ()))
    assert dict(zip(table.heads, table.rows[-1], strict=True))["heavy/light=1.8"] == "1.500 (1.500–1.500)"


def test_case_without_memory_passes_fails_a_memory_budget() -> None:
    run = gated(sides_of("plain", [1.0] * 136, [1.0] * 136), budgets=(Budget("memory", 0.05),))
    report = build.build_report(run, ())
    assert not report.status.ok
    assert "reports no peak memory" in " ".join(build_gate_table(report).below)


@pytest.mark.parametrize(
    ("budget", "text"),
    [
        (Budget("memory", 0.05), "memory=5%"),
        (Budget("count", 0.002), "count=0.2%"),
        (Budget("peak", 1.5e9), "peak=1.5GB"),
        (Budget("ratio", 1.8, "patched", "lightweight"), "patched/lightweight=1.8"),
        (Budget("number", 20, metric="pause_ms"), "pause_ms=20"),
        (Budget("change", 0.05, metric="bytes_per_update"), "bytes_per_update=5%"),
    ],
)
def test_budget_is_named_as_it_is_typed(budget: Budget, text: str) -> None:
    assert format_budget(budget) == text


def test_policy_without_budgets_has_no_columns_for_them() -> None:
    assert "memory" not in " ".join(build_gate_table(report_of(budgets=())).heads)
    assert GatePolicy().budgets == ()
