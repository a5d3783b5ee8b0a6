"""Conditions and orders of ``--filter`` and ``--sort``, on made-up reports and a made-up sweep."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.runs import gated, measurement, run, sides_of
from support.sweeps import COSTS, FIXED, sweep

from perfbench.errors import UsageProblem
from perfbench.report import build
from perfbench.report.formats import terminal
from perfbench.report.model import Report, Status
from perfbench.report.selection import Condition, parse_conditions, parse_sort, select_points, select_rows
from perfbench.sweep.trajectory import SweepRelease, build_trajectory

STEADY = [1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 1.01, 0.99]
FACTORS = {"a": 0.5, "b": 2.0, "c": 1.0}


def report() -> Report:
    """Two files and two windows, a baseline and three modes, of which the second is slower on the second file."""
    made = []
    for data, scale in (("PRO-1", 1.0), ("SELF-2", 1.3)):
        for window in (10, 100):
            for mode, factor in {"base": 1.0, **FACTORS}.items():
                own = measurement(mode, [factor * scale * s for s in STEADY], baseline=mode == "base")
                base = [scale * seconds for seconds in STEADY]
                own = own if mode != "base" else measurement(mode, base, baseline=True)
                made.append(replace(own, case=replace(own.case, data=data, parameters=(("window", window),))))
    return build.build_report(run(made), ())


def shown(selected: Report) -> list[tuple[str, str, str]]:
    return [(t.data, t.parameter_texts[0], row.mode) for t in selected.tables for row in t.rows]


def select(*texts: str, sort: str | None = None) -> Report:
    return select_rows(report(), parse_conditions(texts), parse_sort(sort))


def test_conditions_of_several_fields_must_all_hold() -> None:
    assert shown(select("mode=a data=PRO*")) == [("PRO-1", "window=10", "a"), ("PRO-1", "window=100", "a")]


def test_conditions_of_one_field_are_alternatives_within_an_option_and_over_several() -> None:
    expected = [("PRO-1", "window=10", "a"), ("PRO-1", "window=10", "b")]
    assert shown(select("mode=a mode=b data=PRO-1 parameters=window=10")) == expected
    assert shown(select("mode=a data=PRO-1", "mode=b parameters=window=10")) == expected


def test_status_matches_the_verdict_of_a_row_too() -> None:
    assert {mode for _, _, mode in shown(select("status=regressed"))} == {"b"}
    assert {mode for _, _, mode in shown(select("status=measured"))} == {"base", "a", "b", "c"}


def test_brackets_stand_for_themselves_as_well_as_for_characters() -> None:
    condition = Condition("environment", ("bflw[speed]==1", "mode[ab]"))
    assert condition.matches(["bflw[speed]==1"])
    assert condition.matches(["modea"])
    assert not condition.matches(["modec"])


def test_environment_matches_either_side_of_a_comparison() -> None:
    made = sides_of("light", STEADY, STEADY)
    compared = replace(run(made, environments=(("old", "new"),)), duets=((made[0].case.id, made[1].case.id),))
    whole = build.build_report(compared, ())
    for name in ("old", "new"):
        assert len(select_rows(whole, parse_conditions([f"environment={name}"]), None).tables[0].rows) == 1
    with pytest.raises(UsageProblem) as raised:
        select_rows(whole, parse_conditions(["environment=other"]), None)
    assert raised.value.hint == "environment: new, old"


def test_selected_report_says_how_many_rows_it_shows_and_keeps_its_status() -> None:
    selected = select("mode=a data=PRO*")
    assert "2 of 16 rows shown: mode=a 'data=PRO*'" in terminal.render(selected)
    assert selected.status == report().status


def test_means_are_those_of_the_files_that_are_shown() -> None:
    assert {mean.mode for mean in select("mode=a").means} == {"a"}
    assert not select("data=PRO*").means


def test_figures_of_a_sweep_keep_their_reference_without_the_baseline() -> None:
    swept = [
        replace(side, case=replace(side.case, parameters=(("window", window),)))
        for window in (10, 100)
        for side in (measurement("base", STEADY, baseline=True), measurement("a", [window / 50 * s for s in STEADY]))
    ]
    whole = build.build_report(run(swept, sweep=(("window", ("10", "100")),)), ())
    selected = select_rows(whole, parse_conditions(["mode=a"]), None)
    assert (
        [figure.reference for figure in selected.figures] == [figure.reference for figure in whole.figures] == ["base"]
    )


def test_rows_are_sorted_below_the_baseline_and_tables_by_their_first_row() -> None:
    ascending = shown(select("parameters=window=10", sort="ratio"))
    assert ascending == [(data, "window=10", mode) for data in ("PRO-1", "SELF-2") for mode in ("base", "a", "c", "b")]
    descending = shown(select("parameters=window=10", sort="-data"))
    assert [data for data, _, _ in descending] == ["SELF-2"] * 4 + ["PRO-1"] * 4
    slowest = shown(select("mode=b", sort="-seconds"))
    assert [data for data, _, _ in slowest] == ["SELF-2", "SELF-2", "PRO-1", "PRO-1"]


def test_rows_without_the_value_come_last_in_both_directions() -> None:
    made = [measurement("base", STEADY, baseline=True), measurement("none", []), measurement("a", STEADY)]
    whole = build.build_report(run(made), ())
    for sort in ("ratio", "-ratio"):
        rows = select_rows(whole, (), parse_sort(sort)).tables[0].rows
        assert [row.mode for row in rows] == ["base", "a", "none"]


def test_cases_of_a_gate_are_sorted_over_all_tables_and_counted_as_hidden() -> None:
    cases = [
        [replace(side, case=replace(side.case, data=data)) for side in sides_of("a", STEADY, [f * s for s in STEADY])]
        for data, f in (("x", 1.2), ("y", 1.0), ("z", 1.5))
    ]
    whole = build.build_report(gated(*cases, most=12), ())
    selected = select_rows(whole, parse_conditions(["data=x data=z"]), parse_sort("-data"))
    assert [table.data for table in selected.tables] == ["z", "x"]
    assert "3 cases, 2 of them shown" in terminal.render(selected)
    assert selected.status.kind is whole.status.kind is not Status.OK


@pytest.mark.parametrize(
    ("text", "cause", "hint"),
    [
        ("mod=full", "--filter mod=full: no field `mod`; did you mean `mode`?", "fields: scenario, mode, data"),
        ("full", "--filter full: `full` is not FIELD=PATTERN", "for example --filter 'mode=full data=PRO*'"),
        ("mode=", "--filter mode=: `mode=` is not FIELD=PATTERN", "for example"),
        ("'mode=a", "--filter 'mode=a: a quotation mark is not closed", "for example"),
        ("", "--filter: no condition", "for example"),
    ],
)
def test_malformed_condition_is_one_line_with_a_hint(text: str, cause: str, hint: str) -> None:
    with pytest.raises(UsageProblem) as raised:
        parse_conditions([text])
    assert raised.value.cause == cause
    assert raised.value.hint.startswith(hint)


def test_unknown_sort_key_names_the_keys() -> None:
    with pytest.raises(UsageProblem) as raised:
        parse_sort("-rati")
    assert raised.value.cause == "--sort -rati: no key `rati`; did you mean `ratio`?"
    assert raised.value.hint.startswith("keys: ratio, seconds, memory")


def test_no_match_names_the_values_of_the_field_that_never_matches() -> None:
    with pytest.raises(UsageProblem) as raised:
        select("mode=a data=X*")
    assert raised.value.cause == "--filter mode=a 'data=X*': no row matches"
    assert raised.value.hint == "data: PRO-1, SELF-2"


def test_releases_and_modes_of_a_sweep_are_selected_and_their_numbers_stay() -> None:
    measurements = sweep(COSTS, modes=("light", "full"))
    made = replace(run(measurements), scenarios=())
    releases = [SweepRelease(name, f"horses=={name}") for name in COSTS]
    whole = build_trajectory(releases, measurements, FIXED, lambda _before, _after: "")
    selected = select_points(whole, made, parse_conditions(["mode=full environment=2.2*"]))
    assert [line.mode for line in selected.lines] == ["full"]
    assert [release.name for release in selected.releases] == ["2.20.0", "2.23.2"]
    full = next(line for line in whole.lines if line.mode == "full")
    assert selected.lines[0].points == full.points[-2:]
    regressed = select_points(whole, made, parse_conditions(["status=regressed mode=light"]))
    assert [release.name for release in regressed.releases] == ["2.20.0"]
    with pytest.raises(UsageProblem, match="no row matches"):
        select_points(whole, made, parse_conditions(["environment=9*"]))
