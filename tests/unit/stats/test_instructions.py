"""Counts of instructions: what they add up to, when they are compared, and what a gate says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.runs import HERE, MARKET, measurement, offer, run, scenario, settings

from perfbench.datasets.generator import files
from perfbench.datasets.generator.recipe import Recipe
from perfbench.errors import TrialFailed
from perfbench.gate.budgets import find_breaches
from perfbench.model import Budget, Case, GatePolicy, Market, Measurement, Sample, Verdict
from perfbench.report import build
from perfbench.report.model import CaseStatus, Row
from perfbench.report.tables import build_tables, gate
from perfbench.results import merge
from perfbench.runner import callgrind, instruction_pass, plan
from perfbench.runner.trial import Conditions
from perfbench.stats import instructions

TIMED = (1.0, 1.0)


def counted(mode: str, counts: Sequence[float], work: int = 100, environment: str = "here") -> Measurement:
    """A case with two duets, and a count for each hash seed."""
    found = measurement(mode, TIMED, baseline=mode == "base")
    samples = [Sample("count", seed, 0, "", work, {"instructions": float(count)}) for seed, count in enumerate(counts)]
    return replace(found, samples=(*found.samples, *samples), case=replace(found.case, environment=environment))


# A case --------------------------------------------------------------------------------------------------------------


def test_the_instructions_of_a_case_are_the_geometric_mean_over_the_hash_seeds() -> None:
    assert instructions.mean_instructions(counted("base", (1e9, 2e9, 4e9))) == pytest.approx(2e9)


@pytest.mark.parametrize("counts", [(), (1e9,), (1e9, 1e9), (0.0, 1e9, 1e9)])
def test_a_case_that_was_not_counted_under_every_hash_seed_has_none(counts: tuple[float, ...]) -> None:
    assert instructions.mean_instructions(counted("base", counts)) is None


def test_a_count_is_not_among_the_timed_passes() -> None:
    case = counted("base", (1e9, 1e9, 1e9), work=7)
    assert len(case.samples) == 5
    assert {sample.work for sample in case.timed} == {100}


# Two cases -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (1.0021, Verdict.REGRESSED),
        (1.0019, Verdict.UNCHANGED),
        (1.00061, Verdict.UNCHANGED),
        (1.0, Verdict.UNCHANGED),
        (0.9981, Verdict.UNCHANGED),
        (0.9979, Verdict.IMPROVED),
    ],
)
def test_a_fifth_of_a_per_cent_is_a_change(after: float, expected: Verdict) -> None:
    found = instructions.compare_counts(counted("base", (1e9,) * 3), counted("one", (after * 1e9,) * 3))
    assert found is not None
    assert found.verdict is expected
    assert found.ratio == pytest.approx(after)


def test_a_seed_on_which_one_side_is_slower_weighs_as_much_as_one_on_which_it_is_faster() -> None:
    found = instructions.compare_counts(counted("base", (1e9,) * 3), counted("one", (2e9, 1e9, 0.5e9)))
    assert found is not None
    assert found.ratio == pytest.approx(1.0)


def test_different_work_is_not_compared() -> None:
    assert instructions.compare_counts(counted("base", (1e9,) * 3), counted("one", (1e9,) * 3, work=99)) is None


def test_a_side_that_was_not_counted_is_not_compared() -> None:
    assert instructions.compare_counts(counted("base", (1e9,) * 3), counted("one", (1e9, 1e9))) is None


# What is shown -------------------------------------------------------------------------------------------------------


def shown(*cases: Measurement, **changes: object) -> str:
    found = replace(run(cases, **changes), duets=((cases[0].case.id, cases[-1].case.id),))
    (page,) = build_tables(build.build_report(found, ("interval",)))
    return "\n".join(["  ".join(page.heads), *("  ".join(row) for row in page.rows), *page.below])


def test_instruction_table_shows_both_counts_and_the_change_and_a_note_that_it_is_not_a_time() -> None:
    table = shown(counted("base", (4.213e9,) * 3), counted("one", (3.1e9,) * 3), count=True)
    assert "instructions" in table.splitlines()[0]
    assert table.splitlines()[1].endswith("4.21 G")
    assert "4.21 G → 3.10 G  −26.4 % ▲" in table
    assert "instructions: callgrind, hash seeds 0, 1, 2; instructions, not time" in table


def test_run_without_counts_does_not_mention_them() -> None:
    assert "instructions" not in shown(measurement("base", TIMED, baseline=True), measurement("one", TIMED))


@pytest.mark.parametrize(("work", "lines"), [(50, "first 2,000 lines"), (100, "whole file")])
def test_line_below_the_table_names_the_counted_part_of_the_file(work: int, lines: str) -> None:
    case = counted("base", (1e9,) * 3, work=work)
    case = replace(case, case=replace(case.case, data="market"))
    assert (
        instructions.describe_counting([case])
        == f"instructions: callgrind, {lines}, hash seeds 0, 1, 2; instructions, not time"
    )


@pytest.mark.parametrize("counts", [(), (1e9, 1e9)])
def test_a_case_that_should_have_been_counted_and_was_not_has_failed(counts: tuple[float, ...]) -> None:
    found = run([counted("base", (1e9,) * 3), counted("one", counts)], count=True)
    base, one = build.build_report(found, ()).tables[0].rows
    assert (base.failed, one.failed) == (False, True)


def test_two_saved_runs_are_compared_by_their_counts_if_both_have_them() -> None:
    first, second = (replace(run([counted("base", (n * 1e9,) * 3)], count=True), id=str(n)) for n in (1, 2))
    (row,) = build.build_report(merge.merge_runs(first, second), ()).tables[0].rows
    assert row.count is not None
    assert row.count.ratio == pytest.approx(2.0)
    without = replace(run([measurement("base", TIMED)]), id="3")
    (row,) = build.build_report(merge.merge_runs(first, without), ()).tables[0].rows
    assert (row.count, row.failed) == (None, False)


# A gate --------------------------------------------------------------------------------------------------------------


def gated(after: float, *budgets: Budget) -> tuple[Row, str]:
    sides = [counted("base", (n * 1e9,) * 3, environment=place) for n, place in ((1.0, "old"), (after, "new"))]
    found = run(sides, environments=(("old", "new"),), gate=GatePolicy(budgets=budgets), count=True)
    found = replace(found, duets=((sides[0].case.id, sides[1].case.id),))
    report = build.build_report(found, ())
    cells = gate.build_gate_table(report)
    assert len(cells.heads) == len(cells.rows[0])
    return report.tables[0].rows[0], "\n".join([*map(" ".join, cells.rows), *cells.below])


def test_a_gate_shows_more_instructions_and_lets_them_pass() -> None:
    row, table = gated(1.01)
    assert "1.00 G → 1.01 G  +1.0 % ▼" in table
    assert "instructions, not time" in table
    assert row.breaches == ()


def test_gate_with_an_instruction_budget_fails_on_more_instructions() -> None:
    row, table = gated(1.01, Budget("count", 0.002))
    assert row.breaches == ("executes 1.00 G → 1.01 G instructions, +1.0 %: more than 0.2% above",)
    assert row.status is CaseStatus.OVER_BUDGET
    assert "! made_up base executes 1.00 G" in table
    assert gated(1.01, Budget("count", 0.02))[0].breaches == ()
    assert gated(0.5, Budget("count", 0.0))[0].breaches == ()


def test_a_budget_for_instructions_is_of_two_environments_not_of_two_modes() -> None:
    sides = counted("base", (1e9,) * 3), counted("one", (2e9,) * 3)
    assert find_breaches(GatePolicy(budgets=(Budget("count", 0.002),)), *sides, None) == ()


# The plan ------------------------------------------------------------------------------------------------------------


def test_every_case_is_counted_under_every_hash_seed() -> None:
    (table,) = plan.plan_groups([[offer(scenario("base", "one"))]], [], settings(count=True))
    found = [(trial.cases[0].mode, trial.round, trial.hash_seed) for trial in plan.plan_counts(table)]
    assert found == [(mode, seed, seed) for mode in ("base", "one") for seed in (0, 1, 2)]
    assert len({trial.id for trial in plan.plan_counts(table)}) == 6


@pytest.mark.parametrize(("updates", "kept"), [(2500, 2000), (40, None)])
def test_the_first_lines_of_a_market_are_counted(tmp_path: Path, updates: int, kept: int | None) -> None:
    path = tmp_path / "market"
    files.write_market(Recipe(seed=9, runners=3, updates=updates), path)
    market = replace(MARKET, path=str(path))
    made = replace(scenario("base", uses_market=True), name="replay")
    tables = plan.plan_groups(
        [[offer(made, place)] for place in (HERE, replace(HERE, name="there"))], [market], settings()
    )
    heads = [table.head for table in instruction_pass.cut_markets(tables, tmp_path)]
    assert heads[0] is heads[1] is not None
    assert isinstance(heads[0], Market)
    if kept is None:
        assert heads[0] is market
    else:
        assert Path(heads[0].path).read_bytes() == b"".join(path.read_bytes().splitlines(keepends=True)[:kept])
    assert [table.market for table in tables] == [market, market]


def test_a_scenario_without_a_market_is_counted_whole(tmp_path: Path) -> None:
    tables = plan.plan_groups([[offer(scenario("base"))]], [], settings())
    assert [table.head for table in instruction_pass.cut_markets(tables, tmp_path)] == [None]
    assert Case("made_up", "base", "here", "") in tables[0].cases


def test_counted_pass_has_fifty_times_the_timeout_and_leaves_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    (table,) = plan.plan_groups([[offer(scenario("base"))]], [], settings())
    asked: list[tuple[Any, ...]] = []

    def start(*arguments: Any) -> None:
        asked.append(arguments[4:])
        raise TrialFailed("valgrind: no such instruction")

    monkeypatch.setattr(instruction_pass, "start_worker", start)
    result = instruction_pass.count_instructions(plan.plan_counts(table)[0], table, Conditions(None, 60.0))
    assert result.failure is not None
    assert (result.failure.trial, result.failure.message) == ("count", "valgrind: no such instruction")
    ((timeout, prefix),) = asked
    assert timeout == 3000.0
    assert prefix[:3] == ("setarch", "-R", "valgrind")
    (out,) = (word.partition("=")[2] for word in prefix if word.startswith("--callgrind-out-file="))
    assert not Path(out).parent.exists()


# What callgrind writes -----------------------------------------------------------------------------------------------


def test_the_total_is_that_of_the_whole_dump() -> None:
    text = b"version: 1\npid: 7\nevents: Ir\nsummary: 47218386\n\nfn=(1) main\n16 400\n\ntotals: 47218386\n"
    assert callgrind.parse_total(text) == 47218386
    assert callgrind.parse_total(b"fn=(1) main\n16 400\ntotals: 400\n") == 400


@pytest.mark.parametrize("text", [b"", b"version: 1\n", b"summary: 0\n", b"summary: \n"])
def test_a_dump_that_counts_nothing_is_no_count(text: bytes) -> None:
    with pytest.raises(TrialFailed, match="counted nothing"):
        callgrind.parse_total(text)
