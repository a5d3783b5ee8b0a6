"""What a gate says of planted corpora: the whole and its parts, several comparisons together, and the figures of a row."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import replace

import numpy as np
import pytest
from support.drawn_corpora import NAME, Labels, corpus_of, gated_corpus

from perfbench.gate.survey_verdict import collect_duet, evaluate_survey_gate
from perfbench.gate.verdict import evaluate_gate, find_regressions
from perfbench.model import Comparison, Corpus, Run, Verdict

RNG = np.random.default_rng(8)
SIZES = [int(size) for size in RNG.lognormal(8, 0.5, 60)]
NOISE = {mode: RNG.normal(0.0, 0.002, 60) for mode in ("one", "two", "three")}


def label(name: str) -> Labels:
    """Every third batch is in-play for more than half of its updates."""
    return (("in-play", "more than half" if int(name[1:]) % 3 == 0 else "never"),)


def by(change: float, mode: str = "one", *, only: str = "", scatter: float = 1.0) -> Callable[[str], float]:
    """The ratio of a batch: slower by this share everywhere, or in one stratum only, with the noise of a pair."""

    def ratio(name: str) -> float:
        changed = not only or label(name) == (("in-play", only),)
        return (1.0 + change * changed) * math.exp(scatter * NOISE[mode][int(name[1:])])

    return ratio


def corpus(opened: int | None = 48, blank: Collection[str] = ()) -> Corpus:
    return corpus_of(SIZES, opened=opened, labels=label, blank=blank)


def only(run: Run) -> Comparison:
    (comparison,) = evaluate_gate(run).values()
    return comparison


# One comparison ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "expected"), [(0.0, Verdict.UNCHANGED), (0.03, Verdict.REGRESSED), (-0.03, Verdict.IMPROVED)]
)
def test_change_of_the_whole_corpus_is_named(change: float, expected: Verdict) -> None:
    found = only(gated_corpus(corpus(), {"one": by(change)}, most=48))
    assert found.verdict is expected
    assert found.low < 1 + change < found.high
    assert found.pairs == 48
    assert found.warnings == ()


def test_unchanged_corpus_has_no_part_to_name() -> None:
    run = gated_corpus(corpus(), {"one": by(0.0)}, most=48)
    assert only(run).part == ""
    assert find_regressions(run) == frozenset()


def test_regression_that_only_in_play_markets_have_is_found_and_named() -> None:
    run = gated_corpus(corpus(), {"one": by(0.04, only="more than half")}, most=48)
    found = only(run)
    assert found.verdict is Verdict.REGRESSED
    assert found.part == "in-play more than half +4.1 %"
    assert found.ratio < 1.03, "the ratio is that of the whole corpus"
    assert find_regressions(run) == {run.duets[0]}


def test_improvement_elsewhere_does_not_hide_the_regression_of_a_part() -> None:
    slower, faster = by(0.04, only="more than half"), by(-0.04, only="never")

    def ratio(name: str) -> float:
        return slower(name) if label(name) == (("in-play", "more than half"),) else faster(name)

    found = only(gated_corpus(corpus(), {"one": ratio}, most=48))
    assert found.ratio < 1.0
    assert found.verdict is Verdict.REGRESSED
    assert found.part == "in-play more than half +4.1 %"


def test_totals_are_those_of_the_whole_corpus() -> None:
    """A byte takes a second before, so that the total is known."""
    found = only(gated_corpus(corpus(), {"one": by(0.5, scatter=0.0)}, most=48))
    assert found.before == pytest.approx(sum(SIZES))
    assert found.after == pytest.approx(1.5 * sum(SIZES))
    assert found.metric.name == "cpu_seconds"


def test_threshold_lets_a_smaller_regression_pass() -> None:
    modes = {"one": by(0.03)}
    assert only(gated_corpus(corpus(), modes, most=48, threshold=0.05)).verdict is Verdict.UNCHANGED
    assert only(gated_corpus(corpus(), modes, most=48, threshold=0.01)).verdict is Verdict.REGRESSED


def test_before_the_first_look_there_is_no_verdict() -> None:
    found = only(gated_corpus(corpus(opened=11), {"one": by(0.5)}, most=48))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert math.isinf(found.detectable)


def test_too_few_draws_for_an_interval_have_a_warning() -> None:
    found = only(gated_corpus(corpus(opened=5), {"one": by(0.5)}, most=48))
    assert (found.low, found.high, found.verdict) == (0.0, math.inf, Verdict.INCONCLUSIVE)
    assert [(warning.what, warning.detail) for warning in found.warnings] == [("too few draws for a verdict", "5")]


def test_comparison_without_a_pair_is_left_out() -> None:
    assert evaluate_gate(gated_corpus(corpus(opened=0), {"one": by(0.0)}, most=48)) == {}


def test_gate_whose_budget_is_not_known_may_draw_the_whole_corpus() -> None:
    run = gated_corpus(corpus(opened=None), {"one": by(0.01)})
    policy = run.settings.gate
    assert policy is not None
    unknown = replace(run, settings=replace(run.settings, gate=replace(policy, pairs=())))
    assert only(unknown) == only(run)
    assert only(unknown).pairs == len(SIZES)


def test_census_with_files_that_are_no_markets_has_a_verdict() -> None:
    found = only(gated_corpus(corpus(opened=None, blank=["b1", "b2"]), {"one": by(0.05)}))
    assert found.verdict is Verdict.REGRESSED
    assert found.pairs == len(SIZES) - 2
    assert found.before == pytest.approx(sum(SIZES) - SIZES[1] - SIZES[2], rel=0.01)


def test_gate_on_markets_with_a_table_each_is_not_that_of_a_corpus() -> None:
    run = gated_corpus(corpus(), {"one": by(0.0)}, most=48)
    assert run.corpus is not None
    assert evaluate_gate(replace(run, corpus=replace(run.corpus, name="another"))) == {}
    assert evaluate_gate(run) == evaluate_survey_gate(run, run.corpus)


def test_draws_of_a_comparison_are_those_of_its_own_cases() -> None:
    run = gated_corpus(corpus(), {"one": by(0.5, scatter=0.0), "two": by(1.0, "two", scatter=0.0)}, most=48)
    assert run.corpus is not None
    ratios = [
        {round(values[1] / values[0], 6) for _, values in collect_duet(duet, run, run.corpus).measured}
        for duet in run.duets
    ]
    assert ratios == [{1.5}, {2.0}]
    assert all(case_id.endswith(f"#{NAME}") for duet in run.duets for case_id in duet)


# Several comparisons (Holm) -----------------------------------------------------------------------------------------------------


def test_comparisons_share_the_error_and_one_that_regressed_leaves_its_part_to_the_others() -> None:
    same, slow = by(0.0), by(0.2, "two")
    alone = only(gated_corpus(corpus(), {"one": same}, most=48))
    beside_same = gated_corpus(corpus(), {"one": same, "two": by(0.0, "two")}, most=48)
    beside_slow = gated_corpus(corpus(), {"one": same, "two": slow}, most=48)
    shared = evaluate_gate(beside_same)[beside_same.duets[0]]
    inherited = evaluate_gate(beside_slow)[beside_slow.duets[0]]
    assert shared.confidence > alone.confidence
    assert inherited.confidence == alone.confidence
    assert evaluate_gate(beside_slow)[beside_slow.duets[1]].verdict is Verdict.REGRESSED
    assert inherited.verdict is Verdict.UNCHANGED


def test_all_comparisons_may_regress() -> None:
    run = gated_corpus(corpus(), {mode: by(0.2, mode) for mode in NOISE}, most=48)
    assert [found.verdict for found in evaluate_gate(run).values()] == [Verdict.REGRESSED] * 3
    assert find_regressions(run) == frozenset(run.duets)


def test_unchanged_corpora_are_hardly_ever_reported() -> None:
    rng = np.random.default_rng(3)
    wrong = 0
    for _ in range(60):
        noise = rng.normal(0.0, 0.02, (2, 60))
        modes = {
            mode: lambda name, number=number: math.exp(noise[number][int(name[1:])])  # noqa: B023
            for number, mode in enumerate(("one", "two"))
        }
        run = gated_corpus(corpus(opened=24), modes, most=24)
        wrong += bool(find_regressions(run))
    assert wrong <= 2
