"""What a gate says of made-up pairs: every verdict from its own side of every bound, and several cases together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from support.runs import gated, measurement, run, sides_of

from perfbench.gate import verdict
from perfbench.gate.budgets import find_breaches
from perfbench.gate.verdict import evaluate_gate, find_regressions
from perfbench.model import Budget, Comparison, GatePolicy, Measurement, OutputDifference, Run, Verdict
from perfbench.stats import sequential, signed_rank
from perfbench.stats.sequential import build_bounds, is_settled
from perfbench.stats.verdict_bounds import MIN_EFFECT, VerdictBounds

RNG = np.random.default_rng(11)
NOISE = RNG.normal(0.0, 0.003, 200)


def sides(name: str, change: float, pairs: int, noise: Sequence[float] = tuple(NOISE)) -> list[Measurement]:
    """The measurements of a case before and after; after takes this share more."""
    return sides_of(name, [1.0] * pairs, [(1 + change) * math.exp(noise[n]) for n in range(pairs)])


def only(found: Run) -> Comparison:
    (comparison,) = evaluate_gate(found).values()
    return comparison


# One case ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (0.0, Verdict.UNCHANGED),
        (0.006, Verdict.REGRESSED),
        (0.03, Verdict.REGRESSED),
        (-0.03, Verdict.IMPROVED),
        (2.0, Verdict.REGRESSED),
    ],
)
def test_a_change_is_named(change: float, expected: Verdict) -> None:
    found = only(gated(sides("plain", change, 136)))
    assert found.verdict is expected
    assert found.low < 1 + change < found.high


def test_a_change_within_a_quarter_of_a_per_cent_is_none() -> None:
    exact = sides("plain", 0.002, 136, [0.0] * 136)
    assert only(gated(exact)).verdict is Verdict.UNCHANGED


def test_a_threshold_lets_smaller_changes_pass_and_larger_ones_not() -> None:
    assert only(gated(sides("plain", 0.03, 48), threshold=0.05)).verdict is Verdict.UNCHANGED
    assert only(gated(sides("plain", 0.07, 48), threshold=0.05)).verdict is Verdict.REGRESSED


def test_noisy_case_is_inconclusive() -> None:
    wild = sides("plain", 0.0, 12, tuple(RNG.normal(0.0, 0.1, 12)))
    found = only(gated(wild, most=12))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.detectable > 0.05


def test_detectable_change_lies_beyond_the_threshold() -> None:
    case = sides("plain", 0.0, 48)
    strict, lenient = only(gated(case)), only(gated(case, threshold=0.05))
    noise = strict.detectable - MIN_EFFECT
    assert noise > 0
    assert lenient.detectable == pytest.approx(0.05 + noise)


def test_below_the_first_look_there_is_no_verdict_however_clear_it_seems() -> None:
    found = only(gated(sides("plain", 0.5, 11)))
    assert (found.verdict, found.low, found.high) == (Verdict.INCONCLUSIVE, 0.0, math.inf)
    assert math.isinf(found.detectable)


def test_pairs_beyond_the_last_look_that_was_reached_are_not_used() -> None:
    late = [0.0] * 12 + [1.0] * 4
    assert only(gated(sides("plain", 0.0, 16, late))).pairs == 12


@pytest.mark.parametrize("look", [12, 17, 24, 136])
def test_the_pairs_of_the_last_look_are_all_used(look: int) -> None:
    assert only(gated(sides("plain", 0.0, look))).pairs == look


def test_a_case_without_pairs_has_no_comparison() -> None:
    assert evaluate_gate(gated(sides("plain", 0.0, 0))) == {}


# When to stop ---------------------------------------------------------------------------------------------------------

STRICT = build_bounds(GatePolicy(), *(side.case for side in sides("plain", 0.0, 0)))


def test_a_case_is_settled_at_a_look_and_not_between_looks() -> None:
    clear = [0.05 + noise for noise in NOISE]
    assert next(n for n in range(40) if is_settled(clear[:n], 136, 1, STRICT)) == 12
    wild = np.random.default_rng(2).normal(0.0, 0.5, 200).tolist()
    assert not any(is_settled(wild[:n], 136, 1, STRICT) for n in range(136))
    assert is_settled(wild[:136], 136, 1, STRICT)


def test_first_look_can_be_too_early_for_many_cases() -> None:
    clear = [0.05 + noise for noise in NOISE]
    assert not is_settled(clear[:12], 136, 40, STRICT)
    assert is_settled(clear[:17], 136, 40, STRICT)


# Several cases ----------------------------------------------------------------------------------------------------------


def test_a_case_that_regressed_leaves_its_share_to_the_others() -> None:
    doubtful = sides("doubtful", 0.0, 17)
    with_one = evaluate_gate(gated(doubtful, sides("clear", 0.5, 17), most=17))
    without = evaluate_gate(gated(doubtful, sides("same", 0.0, 17), most=17))
    key = (doubtful[0].case.id, doubtful[1].case.id)
    assert with_one[key].confidence < without[key].confidence


def test_gates_of_unchanged_cases_are_hardly_ever_wrong() -> None:
    rng = np.random.default_rng(5)
    wrong = 0
    for _ in range(300):
        cases = [sides(name, 0.0, 24, tuple(rng.normal(0.0, 0.02, 24))) for name in ("one", "two", "three")]
        found = evaluate_gate(gated(*cases, most=24))
        wrong += any(comparison.verdict is Verdict.REGRESSED for comparison in found.values())
    assert wrong <= 6


BORDERLINE = tuple(math.log1p(0.02 + 0.01 * n) * (-1 if n == 6 else 1) for n in range(1, 13))
"""Twelve pairs, the sixth of them from below: by their ranks p = 14 / 4096, enough for one case and not for each of two."""


@pytest.mark.parametrize(
    ("beside", "expected"),
    [(None, Verdict.REGRESSED), (0.5, Verdict.REGRESSED), (0.0, Verdict.INCONCLUSIVE)],
)
def test_a_borderline_case_regresses_alone_or_beside_one_that_leaves_it_its_share(
    beside: float | None, expected: Verdict
) -> None:
    borderline = sides("borderline", 0.0, 12, BORDERLINE)
    others = [] if beside is None else [sides("beside", beside, 12)]
    found = evaluate_gate(gated(borderline, *others, most=12))[borderline[0].case.id, borderline[1].case.id]
    assert found.verdict is expected
    assert found.pairs == 12
    assert 0 < found.detectable < math.inf


def test_comparison_has_the_seconds_of_its_own_sides() -> None:
    found = only(gated(sides("plain", 0.5, 12, [0.0] * 12)))
    assert (found.before, found.after) == pytest.approx((1.0, 1.5))
    assert found.confidence < 1


def test_case_with_a_single_pair_has_no_verdict() -> None:
    found = only(gated(sides("plain", 0.5, 1)))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert [warning.what for warning in found.warnings] == ["too few pairs for a verdict, which takes 12"]


@pytest.mark.parametrize(
    ("terms", "told"), [(GatePolicy(sigma=0.001), True), (GatePolicy(sigma=0.01), False), (GatePolicy(), False)]
)
def test_pairs_with_more_than_twice_the_calibrated_noise_get_a_warning(terms: GatePolicy, told: bool) -> None:
    found = only(gated(sides("plain", 0.0, 48), sigma=terms.sigma))
    assert any("than in the calibration" in str(warning) for warning in found.warnings) is told


def test_calibration_of_another_machine_has_a_warning_and_its_noise_is_no_measure() -> None:
    found = only(gated(sides("plain", 0.0, 48), sigma=0.001, elsewhere=True))
    told = [str(warning) for warning in found.warnings]
    assert any("of another machine" in line for line in told)
    assert not any("than in the calibration" in line for line in told)


# Budgets -----------------------------------------------------------------------------------------------------------------


def with_peaks(case: list[Measurement], before: float, after: float) -> list[Measurement]:
    found = []
    for side, peak in zip(case, (before, after), strict=True):
        samples = [
            replace(side.samples[0], kind="memory", round=n, pair=f"memory {n}", metrics={"peak_rss_bytes": peak + n})
            for n in range(5)
        ]
        found.append(replace(side, samples=(*side.samples, *samples)))
    return found


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (100e6, 104e6, False),
        (100e6, 106e6, True),
        (10e6, 10.9e6, False),  # more than 5 %, but less than a megabyte
        (100e6, 90e6, False),
    ],
)
def test_memory_may_grow_by_a_share_and_a_megabyte(before: float, after: float, told: bool) -> None:
    case = with_peaks(sides("plain", 0.0, 12), before, after)
    terms = GatePolicy(budgets=(Budget("memory", 0.05),))
    found = find_breaches(terms, case[0], case[1], None)
    assert bool(found) is told
    assert all("peak memory" in line for line in found)


def test_the_peak_has_a_limit_of_its_own() -> None:
    case = with_peaks(sides("plain", 0.0, 12), 150e6, 150e6)
    before, after = case
    assert find_breaches(GatePolicy(budgets=(Budget("peak", 200e6),)), before, after, None) == ()
    (line,) = find_breaches(GatePolicy(budgets=(Budget("peak", 100e6),)), before, after, None)
    assert line == "peak memory 150.0 MB: the limit is 100.0 MB"


def ratio_of_modes(ratio: float) -> Run:
    light, heavy = (
        measurement("light", [1.0] * 24),
        measurement("heavy", [ratio * math.exp(NOISE[n]) for n in range(24)]),
    )
    return gated([light, heavy], budgets=(Budget("ratio", 1.8, "heavy", "light"),))


def test_a_ratio_between_modes_is_held_against_its_limit() -> None:
    assert only(ratio_of_modes(1.7)).verdict is Verdict.UNCHANGED
    assert only(ratio_of_modes(1.9)).verdict is Verdict.REGRESSED
    assert only(ratio_of_modes(1.8)).verdict is Verdict.INCONCLUSIVE


def test_ratio_above_its_limit_is_reported_with_both_numbers() -> None:
    found = ratio_of_modes(1.9)
    terms = found.settings.gate
    assert terms is not None
    light, heavy = found.measurements
    (line,) = find_breaches(terms, light, heavy, only(found))
    assert line.startswith("takes 1.9")
    assert line.endswith("times light: the limit is 1.8")


def test_bounds_of_a_limit_have_no_margin() -> None:
    light, heavy = (side.case for side in (measurement("light", [1.0]), measurement("heavy", [1.0])))
    found = build_bounds(GatePolicy(budgets=(Budget("ratio", 1.8, "heavy", "light"),)), light, heavy)
    assert found == VerdictBounds(math.log(1.8), -math.inf, -math.inf, math.log(1.8))


def test_a_case_that_was_declared_and_is_not_there_has_no_comparison() -> None:
    found = gated(sides("plain", 0.0, 12))
    assert verdict.evaluate_gate(replace(found, measurements=found.measurements[:1])) == {}


def test_run_of_another_command_has_no_gate_result() -> None:
    assert verdict.evaluate_gate(run(sides("plain", 0.0, 12))) == {}


def test_regressions_are_the_slower_pairs_that_did_the_same_work() -> None:
    slower, faster, other_work = sides("slower", 0.1, 12), sides("faster", -0.1, 12), sides("other", 0.1, 12)
    before, after = other_work
    less = replace(after, samples=tuple(replace(sample, work=sample.work + 1) for sample in after.samples))
    run = gated(slower, faster, [before, less])
    assert find_regressions(run) == {(slower[0].case.id, slower[1].case.id)}


def test_regression_whose_probability_is_the_level_itself_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made = gated(sides("plain", 0.03, 48))
    monkeypatch.setattr(signed_rank, "compute_p_above", lambda _values, _bound: 0.001)
    monkeypatch.setattr(sequential, "compute_level", lambda _looks, _side: 0.001)
    monkeypatch.setattr(verdict, "compute_log_interval", lambda _differences, _level: (-1.0, 1.0))
    assert only(made).verdict is Verdict.REGRESSED


def test_confirmed_regression_stays_one_whatever_its_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict, "compute_log_interval", lambda _differences, _level: (-1.0, 1.0))
    assert only(gated(sides("plain", 0.03, 48))).verdict is Verdict.REGRESSED


def test_regression_of_other_work_is_none_and_less_work_against_another_case_counts() -> None:
    before, after = sides("plain", 0.03, 48)
    for against, expected in ((before.case.id, 0), ("another", 1)):
        difference = OutputDifference(1, "amount of work", "", "", less_work=True, against=against)
        made = gated([before, replace(after, differences=(difference,))])
        assert len(find_regressions(made)) == expected
