"""Reports built from made-up runs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.runs import measurement, run, sample

from perfbench.model import Failure
from perfbench.report import build
from perfbench.report.formats import terminal
from perfbench.report.tables import build_tables
from perfbench.runner.plan import SOLO_PASSES


@pytest.mark.parametrize("rounds", [1, 2])
def test_rounds_of_a_single_mode_are_its_solo_passes(rounds: int) -> None:
    samples = tuple(sample(number, 1.0, "alone") for number in range(SOLO_PASSES + rounds))
    only = replace(measurement("only", [], baseline=True), samples=samples)
    report = build.build_report(run([only]), ())
    assert report.tables[0].rounds == rounds
    assert f"{rounds} round{'s' * (rounds > 1)}, solo passes, CPU seconds" in report.tables[0].about


def test_footer_without_a_round_names_none() -> None:
    only = replace(measurement("only", [], baseline=True), samples=(sample(0, 1.0, "alone"),))
    report = build.build_report(run([only]), ())
    assert "0 rounds" not in terminal.render(report)


def test_tables_that_were_never_begun_are_counted_and_not_shown() -> None:
    cases = [measurement(mode, [1.0] * 6 if n == 0 else [], baseline=mode == "a") for n in range(40) for mode in "ab"]
    measured = [
        replace(case, case=replace(case.case, data=f"1.{n // 2}"), output=case.output if n < 2 else None)
        for n, case in enumerate(cases)
    ]
    report = build.build_report(replace(run(measured), finished=False), ())
    assert len(report.tables) == 1
    text = terminal.render(report)
    assert "! 39 of 40 markets were not begun" in text
    assert "–" not in text.splitlines()[2]
    assert not report.status.ok
    assert "39 of 40 markets were not begun" in report.status.missing


def test_table_with_a_failure_was_begun_and_is_shown() -> None:
    whole = measurement("a", [1.0] * 6, baseline=True)
    failed = replace(measurement("a", [], baseline=True), output=None, failures=(Failure("check 0", "it broke"),))
    failed = replace(failed, case=replace(failed.case, data="other"))
    report = build.build_report(run([whole, failed]), ())
    assert len(report.tables) == 2
    assert not report.problems


def test_single_table_without_a_result_is_shown() -> None:
    report = build.build_report(
        replace(run([replace(measurement("a", [], baseline=True), output=None)]), finished=False), ()
    )
    assert len(report.tables) == 1


def test_tables_of_environments_that_are_measured_apart_have_titles_of_their_own() -> None:
    sides = [
        replace(m, case=replace(m.case, environment=place))
        for place in ("old==1", "new==2")
        for m in (measurement("a", [1.0] * 6, baseline=True), measurement("b", [1.0] * 6))
    ]
    made = replace(run(sides, environments=(("old==1",), ("new==2",))))
    titles = [table.title for table in build_tables(build.build_report(made, ()))]
    assert ["old==1" in titles[0], "new==2" in titles[1]] == [True, True]
    assert len(set(titles)) == 2
