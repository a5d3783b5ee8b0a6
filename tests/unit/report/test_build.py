"""Reports built from made-up runs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.runs import MARKET, measurement, program, run, sample, sides_of

from perfbench.model import Case, Environment, Failure, Measurement, OutputDifference, OutputMatch, Run
from perfbench.report import build
from perfbench.report.formats import terminal
from perfbench.report.model import Status
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


# Programs ---------------------------------------------------------------------------------------------------------------


def program_run(*measurements: Measurement) -> Run:
    """A run of a user's program, whose cases belong to it."""
    made = program("run")
    owned = [replace(m, case=replace(m.case, scenario=made.name)) for m in measurements]
    return replace(run(owned), scenarios=(made,))


def unstable(shown: Measurement) -> Measurement:
    """The same with other orders when it ran again."""
    case = replace(shown.case, scenario=program("run").name)
    difference = OutputDifference(3, "orders[0].price", "2.0", "2.02", against=case.id, item="order event")
    return replace(shown, differences=(difference,))


def test_program_whose_orders_differ_from_run_to_run_is_shown_with_its_seconds_and_its_first_difference() -> None:
    report = build.build_report(program_run(unstable(measurement("run", [1.5] * 6, baseline=True))), ())
    text = terminal.render(report)
    assert "! run gives other orders from run to run, first at order event 3, orders[0].price: 2.0 → 2.02" in text
    assert "1.500" in text
    assert report.status.kind is Status.OUTPUTS_DIFFER


def test_sides_of_a_program_may_need_another_number_of_updates() -> None:
    before, after = sides_of("run", [2.0] * 6, [1.0] * 6)
    fewer = replace(after, samples=tuple(replace(sample, work=60) for sample in after.samples))
    made = program_run(before, fewer)
    duets = ((made.measurements[0].case.id, made.measurements[1].case.id),)
    report = build.build_report(replace(made, duets=duets), ())
    (row,) = report.tables[0].rows
    assert row.comparison is not None
    assert row.same_output is OutputMatch.SAME
    assert not row.notes
    ordinary = build.build_report(replace(made, duets=duets, scenarios=()), ())
    assert "did 60 updates when it was timed" in ordinary.tables[0].rows[0].notes[0]


def test_program_is_not_blamed_for_updates_that_it_did_not_ask_for() -> None:
    made = program_run(replace(measurement("run", [1.0] * 6, baseline=True), case=Case("x", "run", "here", "market")))
    market = replace(MARKET, updates=1000)
    assert not [w for w in build.build_report(replace(made, data=(market,)), ()).tables[0].warnings if " of the " in w]


def test_python_of_an_environment_is_named_with_its_build() -> None:
    only = measurement("only", [1.0] * 6, baseline=True)
    for build_of, shown in (("", "CPython 3.14.0 "), ("t", "CPython 3.14.0t "), ("pypy", "PyPy 3.14.0 ")):
        environment = Environment("here", "python", "3.14.0", build=build_of)
        report = build.build_report(replace(run([only]), environments=(environment,)), ())
        assert shown in report.tables[0].about
