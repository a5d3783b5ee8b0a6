"""From samples to a table: pairs, ratios, verdicts, warnings."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.runs import measurement, run, sample, settings

from perfbench.model import Failure, Measurement, OutputDifference, OutputMatch, Verdict
from perfbench.report import build
from perfbench.report.formats import terminal
from perfbench.report.model import ReportTable, Status
from perfbench.runner import output_diff
from perfbench.stats.comparison import choose_confidence, compare_paired
from perfbench.stats.pairs import compute_log_ratios
from perfbench.stats.verdict_bounds import STANDARD_BOUNDS

PLACES = ("ticker==1.0", "ticker==2.0", "ticker==3.0")
BASE = [1.0 + 0.001 * (number % 5) for number in range(12)]


def table(*measurements: object, **changes: object) -> ReportTable:
    (found,) = build.build_report(run(measurements, **changes), ("interval",)).tables  # type: ignore[arg-type]
    return found


# Pairs ---------------------------------------------------------------------------------------------------------------


def test_samples_are_compared_within_their_pair_only() -> None:
    before = [sample(0, 1.0), sample(1, 2.0), sample(2, 4.0), sample(3, 1.0, kind="alone")]
    after = [sample(2, 8.0), sample(0, 2.0), sample(5, 99.0), sample(3, 7.0, kind="alone")]
    assert compute_log_ratios(before, after, "cpu_seconds") == pytest.approx([math.log(2), math.log(2)])


def test_time_of_zero_gives_no_ratio() -> None:
    assert compute_log_ratios([sample(0, 0.0)], [sample(0, 1.0)], "cpu_seconds") == []


@given(st.lists(st.tuples(st.floats(0.01, 10), st.floats(0.01, 10)), min_size=8, max_size=30))
def test_the_ratio_backwards_is_one_over_the_ratio(pairs: list[tuple[float, float]]) -> None:
    one, two = (measurement(name, [pair[side] for pair in pairs]) for side, name in enumerate("ab"))
    there, back = compare_paired(one, two, "cpu_seconds", 0.95), compare_paired(two, one, "cpu_seconds", 0.95)
    assert there is not None
    assert back is not None
    assert there.ratio == pytest.approx(1 / back.ratio)
    assert there.low == pytest.approx(1 / back.high)
    assert there.low <= there.ratio <= there.high


@given(st.floats(0.1, 10), st.integers(8, 40))
def test_a_machine_that_changes_its_speed_changes_no_ratio(ratio: float, rounds: int) -> None:
    speeds = [1 + 0.5 * math.sin(number) for number in range(rounds)]
    one = measurement("a", speeds)
    two = measurement("b", [speed * ratio for speed in speeds])
    found = compare_paired(one, two, "cpu_seconds", 0.95)
    assert found is not None
    assert found.ratio == pytest.approx(ratio)
    assert found.sigma == pytest.approx(0, abs=1e-9)


def test_comparison_holds_estimate_and_interval_of_its_pairs() -> None:
    found = compare_paired(measurement("a", BASE), measurement("b", [2 * s for s in BASE]), "cpu_seconds", 0.95)
    assert found is not None
    assert (found.metric.name, found.pairs, found.verdict) == ("cpu_seconds", 12, Verdict.REGRESSED)
    assert (found.before, found.after, found.ratio) == pytest.approx((1.0015, 2.003, 2.0))


def test_seconds_are_those_of_the_pairs_that_both_sides_have() -> None:
    """A case that has pairs with others too: their seconds are not of this comparison."""
    before = measurement("a", [*BASE, *[9.0] * 20])
    after = measurement("b", [2 * s for s in BASE])
    comparison = compare_paired(before, after, "cpu_seconds", 0.95)
    assert comparison is not None
    assert (comparison.before, comparison.after) == pytest.approx((1.0015, 2.003))


def test_seconds_of_three_environments_give_the_ratio_of_their_row() -> None:
    """The first environment was slow in its pairs with the third."""

    def side(place: str, *pairs: tuple[str, float]) -> Measurement:
        samples = [sample(n, seconds, pair=f"{pair} {n}") for pair, seconds in pairs for n in range(8)]
        empty = measurement("a", [])
        return replace(empty, case=replace(empty.case, environment=place), samples=tuple(samples))

    first = side(PLACES[0], ("with the second", 1.0), ("with the third", 12.0))
    others = side(PLACES[1], ("with the second", 2.0)), side(PLACES[2], ("with the third", 6.0))
    made = run((first, *others), environments=(PLACES,), rounds=8)
    made = replace(made, duets=tuple((first.case.id, other.case.id) for other in others))
    comparisons = [row.comparison for table in build.build_report(made, ()).tables for row in table.rows]
    assert [(c.before, c.after, c.ratio) for c in comparisons if c is not None] == [(1.0, 2.0, 2.0), (12.0, 6.0, 0.5)]


def test_an_interval_of_more_confidence_is_wider() -> None:
    uneven = [second * (1 + 0.01 * (number * number % 7)) for number, second in enumerate(BASE)]
    sides = measurement("a", BASE), measurement("b", uneven)
    wide, narrow = (compare_paired(*sides, "cpu_seconds", level) for level in (0.99, 0.8))
    assert wide is not None
    assert narrow is not None
    assert wide.low <= narrow.low
    assert wide.high > narrow.high


def test_too_few_pairs_have_a_ratio_and_no_verdict() -> None:
    found = compare_paired(measurement("a", BASE[:3]), measurement("b", [2.0] * 3), "cpu_seconds", 0.95)
    assert found is not None
    assert (found.low, found.high, found.pairs, found.verdict) == (0.0, math.inf, 3, Verdict.INCONCLUSIVE)
    assert [(warning.what, warning.detail) for warning in found.warnings] == [
        ("too few pairs for an interval, which takes 6", "3")
    ]
    enough = compare_paired(measurement("a", BASE[:6]), measurement("b", [2.0] * 6), "cpu_seconds", 0.95)
    assert enough is not None
    assert enough.verdict is Verdict.REGRESSED


def test_a_run_that_could_stop_early_asks_more_of_its_intervals() -> None:
    assert choose_confidence(settings(rounds=8)) == 0.95
    assert 0.95 < choose_confidence(settings(rounds=None)) < 1


def test_comparison_requires_a_pair() -> None:
    assert compare_paired(measurement("a", []), measurement("b", [1.0]), "cpu_seconds", 0.95) is None


# Verdicts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (1.01, 1.03, Verdict.REGRESSED),
        (0.97, 0.99, Verdict.IMPROVED),
        (0.995, 1.005, Verdict.UNCHANGED),
        (0.999, 1.001, Verdict.UNCHANGED),
        (0.0, 0.5, Verdict.INCONCLUSIVE),
        (1.5, math.inf, Verdict.INCONCLUSIVE),
        (0.98, 1.005, Verdict.INCONCLUSIVE),
        (1.0024, 1.02, Verdict.INCONCLUSIVE),
        (1.0024, 1.009, Verdict.UNCHANGED),
        (1.0026, 1.009, Verdict.REGRESSED),
        (0.0, math.inf, Verdict.INCONCLUSIVE),
    ],
)
def test_a_verdict_is_read_off_the_interval(low: float, high: float, verdict: Verdict) -> None:
    assert STANDARD_BOUNDS.classify_ratio(low, high) is verdict


# Tables --------------------------------------------------------------------------------------------------------------


def test_seconds_are_medians_and_the_ratio_is_from_the_pairs() -> None:
    found = table(measurement("base", BASE, baseline=True), measurement("other", [2 * value for value in BASE]))
    base, other = found.rows
    assert base.seconds == pytest.approx(1.0015)
    assert other.comparison is not None
    assert other.comparison.before == base.seconds
    assert other.comparison.ratio == pytest.approx(2.0)
    assert other.rate == pytest.approx(100 / 2.003)
    assert found.rounds == 12


def test_another_amount_of_work_has_no_ratio() -> None:
    found = table(measurement("base", BASE, baseline=True), measurement("less", BASE, work=99))
    assert found.rows[1].comparison is None
    assert found.rows[1].same_output is OutputMatch.DIFFERENT
    assert "less did 99 updates when it was timed, base 100: the ratio would be meaningless" in found.rows[1].notes


def test_work_that_changes_from_pass_to_pass_has_no_ratio() -> None:
    odd = measurement("odd", BASE)
    odd = replace(odd, samples=(*odd.samples, sample(99, 1.0, work=7)))
    found = table(measurement("base", BASE, baseline=True), odd)
    assert found.rows[1].comparison is None
    assert "odd did 7 updates in one pass and 100 in another: the ratio would be meaningless" in found.rows[1].notes


def test_differing_output_is_reported_and_changes_the_status() -> None:
    wrong = replace(measurement("wrong", BASE), difference=OutputDifference(1234, "runners[2].ltp", "3.5", "3.55"))
    report = build.build_report(run([measurement("base", BASE, baseline=True), wrong]), ())
    assert report.status.kind is Status.OUTPUTS_DIFFER
    assert report.tables[0].rows[1].notes == ("wrong differs at update 1,234, runners[2].ltp: 3.5 → 3.55",)


def test_a_failure_makes_the_report_incomplete() -> None:
    failed = replace(measurement("bad", []), failures=(Failure("check", "it broke"),))
    report = build.build_report(run([measurement("base", BASE, baseline=True), failed]), ())
    assert report.status.kind is Status.NOT_MEASURED
    assert report.tables[0].rows[1].notes == ("bad: it broke (check pass)",)


def test_warning_is_shown_once_with_all_modes() -> None:
    noisy = [value * (1.2 if number % 2 else 0.9) for number, value in enumerate(BASE)]
    found = table(
        measurement("base", BASE, baseline=True), measurement("one", noisy), measurement("two", list(reversed(noisy)))
    )
    text = "; ".join(found.warnings)
    assert "pairs scatter (one by 1" in text
    assert ", two by 1" in text
    assert "consecutive pairs are correlated (one autocorrelation -0.9" in text
    assert "intervals are wider than the target of ± 1.0% (one ± " in text


def test_quiet_run_of_long_passes_has_no_warnings() -> None:
    shaken = [value * (1 + 0.001 * ((number * 7) % 11 - 5)) for number, value in enumerate(BASE)]
    assert table(measurement("base", BASE, baseline=True), measurement("one", shaken)).warnings == ()


def test_short_passes_and_unfinished_run_are_warned_about() -> None:
    made = replace(run([measurement("base", [0.001] * 12, baseline=True)]), finished=False)
    (found,) = build.build_report(made, ()).tables
    assert found.warnings == (
        "this run is not finished; --resume continues it",
        "passes are short, use a longer file (base 1.0 ms)",
    )


# Differences ---------------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_a_value_does_not_differ_from_itself(value: object) -> None:
    assert output_diff.find_first_field(value, value) is None


@given(JSON, JSON)
def test_two_values_differ_exactly_if_they_are_not_equal_in_type_and_content(one: object, two: object) -> None:
    assert (output_diff.find_first_field(one, two) is None) == (repr(one) == repr(two) or _same(one, two))


def _same(one: object, two: object) -> bool:
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(_same(one[key], two[key]) for key in one)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(_same, one, two))
    return type(one) is type(two) and one == two


def test_the_first_place_is_named_by_its_path() -> None:
    one = {"a": [1, {"b": 2.0}], "z": 1}
    assert output_diff.find_first_field(one, {"a": [1, {"b": 2.5}], "z": 2}) == ("a[1].b", "2.0", "2.5")
    assert output_diff.find_first_field(one, {"a": [1, {"b": 2.0}]}) == ("z", "1", "nothing")
    assert output_diff.find_first_field([1, 2], [1]) == ("", "2 entries", "1 entries")
    assert output_diff.find_first_field({"a": 1}, {"a": 1.0}) == ("a", "1", "1.0")


# The screen ------------------------------------------------------------------------------------------------------------


def test_extras_of_a_package_stand_in_the_heading() -> None:
    """Rich takes ``[speed]`` for markup unless it gets a Text."""
    plain, fast = measurement("a", BASE), measurement("a", [0.5 * second for second in BASE])
    sides = [
        replace(side, case=replace(side.case, environment=place))
        for side, place in ((plain, "../bf"), (fast, "../bf[speed]"))
    ]
    made = run(sides, environments=(("../bf", "../bf[speed]"),), rounds=8)
    made = replace(made, duets=((sides[0].case.id, sides[1].case.id),))
    page = terminal.render(build.build_report(made, ("interval",)))
    assert "../bf → ../bf[speed]" in page
