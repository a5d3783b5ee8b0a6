"""The gate on a corpus: looks, levels, strata and Holm's method; error rates in simulations."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from perfbench.model import Verdict
from perfbench.stats import survey
from perfbench.stats.sequential import ONE_SIDED_ERROR, compute_level
from perfbench.stats.survey_draws import compute_inclusion, draw_distinct_batches
from perfbench.stats.survey_error import PairNoise
from perfbench.stats.survey_gate import PartSeconds, SurveyedPairs, SurveyVerdict, decide_survey, select_looks
from perfbench.stats.verdict_bounds import STANDARD_BOUNDS, VerdictBounds

NO_MARGIN = VerdictBounds(worse=0.0, better=0.0, floor=-0.01, ceiling=0.01)


def make_pairs(count: int, ratio: float | np.ndarray = 1.0, noise: float = 0.02, seed: int = 1) -> SurveyedPairs:
    """Draws with replacement of batches of one size."""
    rng = np.random.default_rng(seed)
    before = rng.lognormal(0, 0.1, count)
    return SurveyedPairs(before, before * ratio * rng.lognormal(0, noise, count), np.full(count, 0.001))


# ----------------------------------------------------------------------------------------------- looks and levels


def test_looks_are_those_of_a_survey_and_the_last_draw() -> None:
    assert select_looks(1) == (1,)
    assert select_looks(12) == (12,)
    assert select_looks(13) == (12, 13)
    assert select_looks(96) == (12, 24, 48, 96)
    assert select_looks(1000) == (12, 24, 48, 96, 200, 400, 1000)
    with pytest.raises(ValueError, match="at least one draw"):
        select_looks(0)


def test_verdict_has_the_interval_of_the_level_of_its_look() -> None:
    pairs = make_pairs(30)
    verdict = decide_survey(pairs, 48, STANDARD_BOUNDS)
    level = compute_level((12, 24, 48), ONE_SIDED_ERROR)
    expected = survey.estimate_ratio(pairs.before[:24], pairs.after[:24], pairs.shares[:24], 1 - 2 * level)
    assert verdict.corpus.estimate == expected
    assert verdict.corpus.label == ""
    assert verdict.strata == ()


def test_inclusion_probabilities_are_those_of_the_draws_up_to_the_look() -> None:
    shares = np.linspace(1, 30, 60) / 930
    sample = draw_distinct_batches(shares, 30, 3)
    base, drawn, noise = make_pairs(30), shares[sample.indices], PairNoise(0.02, 0.1)
    pairs = SurveyedPairs(base.before, base.after, drawn, sample.thresholds)
    level = compute_level((12, 24, 48), ONE_SIDED_ERROR)
    chances = compute_inclusion(drawn[:24], sample.thresholds[23])
    expected = survey.estimate_ratio(
        base.before[:24], base.after[:24], drawn[:24], 1 - 2 * level, inclusion=chances, noise=noise
    )
    assert decide_survey(pairs, 48, STANDARD_BOUNDS, noise=noise).corpus.estimate == expected


def test_draws_without_a_pair_count_for_the_looks_and_not_for_the_ratio() -> None:
    """Of 24 draws every fourth had nothing to measure."""
    shares = np.linspace(1, 30, 60) / 930
    sample = draw_distinct_batches(shares, 24, 3)
    numbers = [number for number in range(24) if number % 4]
    base, drawn, noise = make_pairs(18), shares[sample.indices[numbers]], PairNoise(0.02, 0.1)
    pairs = SurveyedPairs(base.before, base.after, drawn, sample.thresholds, numbers)
    level = compute_level((12, 24), ONE_SIDED_ERROR)
    chances = compute_inclusion(drawn, sample.thresholds[23])
    expected = survey.estimate_ratio(base.before, base.after, drawn, 1 - 2 * level, inclusion=chances, noise=noise)
    decision = decide_survey(pairs, 24, STANDARD_BOUNDS, noise=noise)
    assert decision.corpus.estimate == expected
    assert decision.settled
    first = SurveyedPairs(base.before[:9], base.after[:9], drawn[:9], sample.thresholds[:12], numbers[:9])
    assert decide_survey(first, 24, STANDARD_BOUNDS).corpus.estimate.draws == 9
    assert (first.draws, first.count_pairs(12), first.count_pairs(5)) == (12, 9, 3)


def test_gate_before_its_first_look_is_inconclusive_and_goes_on() -> None:
    verdict = decide_survey(make_pairs(11, 1.5), 48, STANDARD_BOUNDS, strata={"a": [True] * 11}, family=2)
    assert verdict.corpus.estimate.low > 1.4
    assert verdict.corpus.estimate.confidence == pytest.approx(1 - 2 * compute_level((12, 24, 48), ONE_SIDED_ERROR))
    assert verdict.corpus.verdict is Verdict.INCONCLUSIVE
    assert not verdict.regressed
    assert not verdict.settled


@pytest.mark.parametrize(
    ("ratio", "verdict", "regressed"),
    [
        (1.1, Verdict.REGRESSED, True),
        (0.9, Verdict.IMPROVED, False),
        (1.0, Verdict.INCONCLUSIVE, False),
    ],
)
def test_corpus_at_a_look_has_the_verdict_of_its_interval(ratio: float, verdict: Verdict, regressed: bool) -> None:
    decision = decide_survey(make_pairs(24, ratio), 96, STANDARD_BOUNDS)
    assert decision.corpus.verdict is verdict
    assert decision.regressed is regressed
    assert decision.settled is (verdict is not Verdict.INCONCLUSIVE)


def test_narrow_interval_around_no_change_is_unchanged_and_settles() -> None:
    decision = decide_survey(make_pairs(48, 1.0, noise=0.002), 96, STANDARD_BOUNDS)
    assert decision.corpus.verdict is Verdict.UNCHANGED
    assert decision.settled


def test_last_look_settles_whatever_the_verdict() -> None:
    decision = decide_survey(make_pairs(48, 1.0, noise=0.05), 48, STANDARD_BOUNDS)
    assert decision.corpus.verdict is Verdict.INCONCLUSIVE
    assert decision.settled
    assert not decide_survey(make_pairs(47, 1.0, noise=0.05), 48, STANDARD_BOUNDS).settled


def test_draws_beyond_a_look_do_not_count() -> None:
    pairs = make_pairs(47, np.where(np.arange(47) < 24, 1.0, 2.0))
    assert decide_survey(pairs, 48, STANDARD_BOUNDS).corpus.verdict is Verdict.INCONCLUSIVE


def test_detectable_change_adds_power_and_margin_to_the_half_width() -> None:
    part = decide_survey(make_pairs(24), 48, STANDARD_BOUNDS).corpus
    error = part.estimate.spread / math.sqrt(24)
    half = math.log(part.estimate.high / part.estimate.ratio)
    assert part.detectable == pytest.approx(half + 1.6448536 * error + 0.0025)
    assert math.isinf(decide_survey(make_pairs(3), 48, STANDARD_BOUNDS).corpus.detectable)


def test_small_census_decides_by_its_noise() -> None:
    pairs = SurveyedPairs([1.0] * 3, [1.2] * 3, [0.3, 0.3, 0.4], [5.0, 6.0, math.inf])
    decision = decide_survey(pairs, 3, STANDARD_BOUNDS, noise=PairNoise(0.01, 0.0))
    assert decision.corpus.verdict is Verdict.REGRESSED
    assert decision.settled


# --------------------------------------------------------------------------------------------------------- strata


def every_third(count: int) -> np.ndarray:
    return np.asarray(np.arange(count) % 3 == 0)


def test_regression_of_a_stratum_is_found_where_the_corpus_hides_it() -> None:
    inside = every_third(96)
    pairs = make_pairs(96, np.where(inside, 1.06, 0.97))
    decision = decide_survey(pairs, 96, STANDARD_BOUNDS, strata={"in-play": inside, "other": ~inside}, family=4)
    early = SurveyedPairs(pairs.before[:48], pairs.after[:48], pairs.shares[:48])
    assert (
        decide_survey(early, 96, STANDARD_BOUNDS, strata={"in-play": inside}, family=4).strata[0].estimate.draws == 16
    )
    verdicts = {part.label: part.verdict for part in decision.strata}
    assert decision.corpus.verdict is not Verdict.REGRESSED
    assert verdicts == {"in-play": Verdict.REGRESSED, "other": Verdict.IMPROVED}
    assert decision.regressed
    assert decision.settled


def test_corpus_has_half_of_the_error_probability_and_strata_share_the_rest() -> None:
    inside = every_third(48)
    decision = decide_survey(make_pairs(48), 48, STANDARD_BOUNDS, strata={"a": inside, "b": ~inside}, family=5)
    looks = (12, 24, 48)
    assert decision.corpus.estimate.confidence == pytest.approx(1 - 2 * compute_level(looks, ONE_SIDED_ERROR / 2))
    for part in decision.strata:
        assert part.estimate.confidence == pytest.approx(1 - 2 * compute_level(looks, ONE_SIDED_ERROR / 2 / 5))
        assert part.estimate.draws == (16 if part.label == "a" else 32)


def test_regressed_stratum_passes_its_error_probability_on() -> None:
    inside = every_third(48)
    pairs = make_pairs(48, np.where(inside, 1.2, 0.95))
    decision = decide_survey(pairs, 48, STANDARD_BOUNDS, strata={"a": inside, "b": ~inside}, family=5)
    looks, left = (12, 24, 48), 1 - 0.1
    by_label = {part.label: part for part in (decision.corpus, *decision.strata)}
    assert by_label["a"].verdict is Verdict.REGRESSED
    assert by_label[""].verdict is Verdict.INCONCLUSIVE
    level = compute_level(looks, ONE_SIDED_ERROR * 0.5 / left)
    assert by_label[""].estimate.confidence == pytest.approx(1 - 2 * level)
    level = compute_level(looks, ONE_SIDED_ERROR * 0.1 / left)
    assert by_label["b"].estimate.confidence == pytest.approx(1 - 2 * level)
    level = compute_level(looks, ONE_SIDED_ERROR * 0.1)
    assert by_label["a"].estimate.confidence == pytest.approx(1 - 2 * level)


def test_everything_regressed_ends() -> None:
    decision = decide_survey(make_pairs(48, 1.5), 48, STANDARD_BOUNDS, strata={"a": every_third(48)}, family=1)
    assert [part.verdict for part in (decision.corpus, *decision.strata)] == [Verdict.REGRESSED] * 2


def test_strata_are_tested_in_the_order_in_which_they_reach_six_draws() -> None:
    late, early, few = np.arange(48) >= 20, np.arange(48) < 6, np.arange(48) < 5
    strata = {"late": late, "few": few, "early": early}
    labels = [part.label for part in decide_survey(make_pairs(48), 48, STANDARD_BOUNDS, strata=strata, family=9).strata]
    assert labels == ["early", "late"]
    slow, quick = np.isin(np.arange(48), [0, 1, 2, 3, 4, 40]), np.isin(np.arange(48), [0, 1, 2, 3, 5, 6])
    both = decide_survey(make_pairs(48), 48, STANDARD_BOUNDS, strata={"slow": slow, "quick": quick}, family=9).strata
    assert [part.label for part in both] == ["quick", "slow"]
    first = decide_survey(make_pairs(48), 48, STANDARD_BOUNDS, strata=strata, family=1).strata
    assert [part.label for part in first] == ["early"]
    assert decide_survey(make_pairs(48), 48, STANDARD_BOUNDS, strata=strata).strata == ()


def test_large_inconclusive_stratum_keeps_an_unchanged_gate_going() -> None:
    noise = np.where(every_third(48), 0.06, 0.0)
    pairs = make_pairs(48, np.exp(noise * np.where(np.arange(48) % 2, 1, -1)), noise=0.001)
    inside = every_third(48)
    alone = decide_survey(make_pairs(48, noise=0.001), 96, STANDARD_BOUNDS, strata={"a": inside}, family=1)
    assert alone.settled
    wide = VerdictBounds(worse=0.1, better=-0.1, floor=-0.05, ceiling=0.05)
    decision = decide_survey(pairs, 96, wide, strata={"a": inside}, family=1)
    assert decision.corpus.verdict is Verdict.UNCHANGED
    assert decision.strata[0].verdict is Verdict.INCONCLUSIVE
    assert not decision.settled
    few_seconds = SurveyedPairs(
        np.where(inside, 0.01, 1.0) * np.asarray(pairs.before),
        np.where(inside, 0.01, 1.0) * np.asarray(pairs.after),
        pairs.shares,
    )
    assert decide_survey(few_seconds, 96, wide, strata={"a": inside}, family=1).settled


def test_seconds_of_a_stratum_are_those_that_its_draws_stand_for() -> None:
    """A third of the draws with 3 % of the seconds measured, from batches that are drawn rarely: most of the corpus."""
    inside = every_third(48)
    wave = np.exp(np.where(inside, 0.06, 0.0) * np.where(np.arange(48) % 2, 1, -1))
    before = np.where(inside, 0.06, 1.0)
    rarely = np.where(inside, 0.0001, 0.01)
    wide = VerdictBounds(worse=0.2, better=-0.2, floor=-0.05, ceiling=0.05)
    strata = {"a": inside, "b": ~inside}
    for shares, settled in ((rarely, False), (np.full(48, 0.01), True)):
        decision = decide_survey(SurveyedPairs(before, before * wave, shares), 96, wide, strata=strata, family=2)
        verdicts = {part.label: part.verdict for part in decision.strata}
        assert verdicts == {"a": Verdict.INCONCLUSIVE, "b": Verdict.UNCHANGED}
        assert decision.corpus.verdict is Verdict.UNCHANGED
        assert decision.settled is settled


def test_stratum_may_be_a_part_of_each_batch() -> None:
    """Every batch has in-play markets, which are slower, and others, which are not."""
    pairs = make_pairs(48, 1.0)
    before, after = np.asarray(pairs.before), np.asarray(pairs.after)
    slow = PartSeconds(0.1 * before, 0.11 * after)
    rest = PartSeconds(np.where(np.arange(48) < 7, 0.0, 0.9 * before), 0.9 * after)
    sums = SurveyedPairs(before, np.asarray(slow.after) + 0.9 * after, pairs.shares)
    noise = PairNoise(0.02, 0.1)
    decision = decide_survey(sums, 48, STANDARD_BOUNDS, strata={"in-play": slow, "rest": rest}, family=2, noise=noise)
    verdicts = {part.label: part.verdict for part in decision.strata}
    assert verdicts["in-play"] is Verdict.REGRESSED
    assert verdicts["rest"] is not Verdict.REGRESSED
    assert decision.corpus.verdict is not Verdict.REGRESSED
    assert [part.estimate.draws for part in decision.strata] == [48, 41]


def test_noise_of_whole_batches_is_not_that_of_their_parts() -> None:
    sizes = np.linspace(1, 30, 30) / 465
    sample = draw_distinct_batches(sizes, 24, 3)
    base, noise = make_pairs(24), PairNoise(0.2, 0.1)
    pairs = SurveyedPairs(base.before, base.after, sizes[sample.indices], sample.thresholds)
    part = PartSeconds(0.5 * np.asarray(base.before), 0.5 * np.asarray(base.after))
    assert pairs.estimate(24, 0.95, noise, part).noise_error == pairs.estimate(24, 0.95).noise_error
    inside = every_third(24)
    whole = pairs.estimate(24, 0.95, noise, pairs.select(inside))
    chances = compute_inclusion(sizes[sample.indices], sample.thresholds[-1])
    assert whole == survey.estimate_ratio(
        np.asarray(base.before)[inside],
        np.asarray(base.after)[inside],
        sizes[sample.indices][inside],
        inclusion=chances[inside],
        noise=noise,
    )


def test_stratum_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a name"):
        decide_survey(make_pairs(12), 48, STANDARD_BOUNDS, strata={"": [True] * 12}, family=1)


# ---------------------------------------------------------------------------------------------------- error rates


def run_gates(
    gates: int, most: int, side: float, change: Callable[[np.ndarray, np.ndarray], np.ndarray], family: int
) -> tuple[float, float]:
    """The shares of gates without margins that report a regression, of the corpus and of anything; each of its own corpus."""
    rng = np.random.default_rng(most)
    of_corpus = of_any = 0
    for seed in range(gates):
        sizes, labels = rng.lognormal(0, 1.3, 400), rng.integers(0, 4, 400)
        before = sizes * rng.lognormal(0, 0.35, 400)
        after = before * change(labels, rng.standard_normal(400))
        sample = draw_distinct_batches(sizes / sizes.sum(), most, seed)
        drawn = sample.indices
        speed, noise = rng.lognormal(0, 0.1, most), rng.lognormal(0, 0.03, most)
        first, second = before[drawn] * speed, after[drawn] * speed * noise / math.exp(0.03**2 / 2)
        strata = {str(label): labels[drawn] == label for label in range(4)}
        verdict: SurveyVerdict
        for look in select_looks(most):
            pairs = SurveyedPairs(
                first[:look], second[:look], sizes[drawn[:look]] / sizes.sum(), sample.thresholds[:look]
            )
            verdict = decide_survey(
                pairs, most, NO_MARGIN, strata=strata, family=family, noise=PairNoise(0.03, 0.1), side=side
            )
            if verdict.settled:
                break
        of_corpus += verdict.corpus.verdict is Verdict.REGRESSED
        of_any += verdict.regressed
    return of_corpus / gates, of_any / gates


@pytest.mark.statistical
@pytest.mark.parametrize("most", [24, 96])
@pytest.mark.parametrize("family", [0, 4])
def test_unchanged_corpora_are_reported_as_regressed_at_most_as_often_as_agreed(most: int, family: int) -> None:
    """3,000 corpora; a quarter more than agreed is allowed for, and three standard errors."""
    side = 0.05
    _, share = run_gates(3000, most, side, lambda labels, _: np.ones(labels.size), family)
    assert share <= 1.25 * side + 3 * math.sqrt(side * (1 - side) / 3000)


@pytest.mark.statistical
def test_regression_of_one_stratum_in_four_is_found() -> None:
    corpus, anything = run_gates(300, 96, ONE_SIDED_ERROR, lambda labels, _: np.where(labels == 1, 1.06, 1.0), 4)
    assert anything >= 0.9
    assert corpus < anything
