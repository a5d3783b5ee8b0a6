"""Results of advice: seconds saved, bounded growth, floors, and a better mode only where it is better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest
from support.runs import measurement, run, sample, scenario

from perfbench.model import Claim, Measurement, Metric, Scenario, Verdict
from perfbench.report import advice_text, build
from perfbench.report.claim_result import ClaimResult

CALL = Metric("ms", name="call_ms")
GROWTH = Metric("bytes", name="growth", floor=10.0)


def timed(mode: str, seconds: Sequence[float], *, work: int = 100, baseline: bool = False) -> Measurement:
    """A mode with these CPU seconds in pairs."""
    return measurement(mode, seconds, work=work, baseline=baseline)


def reporting(mode: str, name: str, values: Sequence[float], *, baseline: bool = False) -> Measurement:
    """A mode that reports a metric of its own in passes that ran alone."""
    samples = tuple(replace(sample(number, 1.0, "alone"), numbers={name: value}) for number, value in enumerate(values))
    return replace(measurement(mode, [], baseline=baseline), samples=samples)


def evaluate(claim: Claim, *measured: Measurement, metric: Metric | None = None) -> ClaimResult:
    """The result of a claim about measurements of which the first is the baseline."""
    made: Scenario = scenario(*(m.case.mode for m in measured))
    made = replace(made, claims=(claim,), metrics=(metric,) if metric else ())
    (result,) = build.build_report(replace(run(measured, rounds=8), scenarios=(made,)), ()).tables[0].advice
    return result


def claim(
    better: str = "", *, metric: str = "", saves: tuple[float, float] | None = None, bounded: bool = False
) -> Claim:
    return Claim("loop", "ring", 1.0, "notes", metric, "use a ring", better, saves, bounded)


@pytest.mark.parametrize(
    ("saved_ms", "verdict", "effect"),
    [
        (30.0, "holds", ", saves 30 ms [29–31]"),
        (60.0, "holds, and saves more than 10–50 ms", ", saves 60 ms [59–61]"),
        (3.0, "falls short of 10–50 ms", ", saves 3 ms [2–4]"),
        (-30.0, "refuted: it makes things worse", ", costs 30 ms [29–31]"),
    ],
)
def test_a_claim_in_seconds_is_compared_by_the_difference_of_its_pairs_per_unit_of_work(
    saved_ms: float, verdict: str, effect: str
) -> None:
    """100 calls a pass; the machine becomes ten per cent slower from pair to pair, which the difference of a pair leaves out."""
    before = [20.0 + number for number in range(9)]
    scatter = (-1.0, 0.0, 1.0) * 3
    after = [first - (saved_ms + noise) / 10 for first, noise in zip(before, scatter, strict=True)]
    result = evaluate(claim(saves=(0.010, 0.050)), timed("loop", before, baseline=True), timed("ring", after))
    assert result.saving is not None
    assert result.saving.saved == pytest.approx(saved_ms / 1000)
    assert advice_text.describe_verdict(result) == verdict
    assert advice_text.format_effect(result) == effect
    assert advice_text.format_amounts(result).startswith("240 ms → ")
    assert advice_text.format_amounts(result).endswith("ms per update")


def test_a_claim_in_seconds_about_a_metric_in_milliseconds_is_not_divided_by_the_work() -> None:
    loop = reporting("loop", "call_ms", [130.0, 134.0, 132.0, 131.0, 133.0, 135.0], baseline=True)
    ring = reporting("ring", "call_ms", [45.0, 46.0, 44.0, 45.5, 44.5, 45.2])
    result = evaluate(claim(metric="call_ms", saves=(0.010, 0.050)), loop, ring, metric=CALL)
    assert result.saving is not None
    assert (result.before, result.after) == pytest.approx((0.1325, 0.0451))
    assert result.saving.saved == pytest.approx(0.0874, abs=0.001)
    assert result.saving.low < result.saving.saved < result.saving.high
    assert advice_text.describe_verdict(result) == "holds, and saves more than 10–50 ms"


def test_a_metric_in_sequential_pairs_is_compared_pair_by_pair() -> None:
    """Each pair is 100 ms slower than the one before; unpaired, that would hide the 20 ms."""

    def paired(mode: str, extra: float, *, baseline: bool = False) -> Measurement:
        empty = measurement(mode, [], baseline=baseline)
        samples = [sample(number, 1.0) for number in range(8)]
        reported = [
            replace(s, metrics={"reported_seconds": 1.0}, numbers={"call_ms": 100.0 * s.round + extra + 1})
            for s in samples
        ]
        return replace(empty, samples=tuple(reported))

    result = evaluate(
        claim(metric="call_ms", saves=(0.010, 0.050)),
        paired("loop", 20.0, baseline=True),
        paired("ring", 0.0),
        metric=CALL,
    )
    assert result.saving is not None
    assert (result.saving.low, result.saving.high) == pytest.approx((0.020, 0.020))
    assert advice_text.describe_verdict(result) == "holds"


def test_a_claim_in_seconds_with_too_few_pairs_is_inconclusive_without_an_interval() -> None:
    result = evaluate(claim(saves=(0.01, 0.05)), timed("loop", [4.0, 4.0], baseline=True), timed("ring", [1.0, 1.0]))
    assert advice_text.describe_verdict(result) == "inconclusive"
    assert advice_text.format_effect(result) == ", saves 30 ms"


@pytest.mark.parametrize(
    ("before", "after", "verdict", "effect"),
    [
        (96.0, 0.2, "holds: bounded", ""),
        (96.0, 48.0, "refuted: it grows too", ", 2.0x less [2.00–2.00]"),
        (0.0, 0.2, "makes no difference: both are bounded", ""),
        (0.2, 96.0, "refuted: it grows", ""),
    ],
)
def test_a_bounded_claim_says_whether_a_side_grows_and_no_ratio_at_the_floor(
    before: float, after: float, verdict: str, effect: str
) -> None:
    sides = reporting("loop", "growth", [before] * 6, baseline=True), reporting("ring", "growth", [after] * 6)
    result = evaluate(claim(metric="growth", bounded=True), *sides, metric=GROWTH)
    assert advice_text.describe_verdict(result) == verdict
    assert advice_text.format_effect(result) == effect


def test_a_bounded_claim_is_inconclusive_where_the_passes_disagree() -> None:
    sides = reporting("loop", "growth", [96.0] * 6, baseline=True), reporting("ring", "growth", [2.0, 30.0] * 3)
    result = evaluate(claim(metric="growth", bounded=True), *sides, metric=GROWTH)
    assert (result.verdict, advice_text.describe_verdict(result)) == (Verdict.INCONCLUSIVE, "inconclusive")


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [(96.0, 3.0, "holds"), (12.0, 3.0, "makes no difference"), (3.0, 96.0, "refuted: it makes things worse")],
)
def test_no_ratio_is_shown_where_a_side_is_at_its_floor_and_a_difference_below_the_floor_is_none(
    before: float, after: float, verdict: str
) -> None:
    sides = reporting("loop", "growth", [before] * 6, baseline=True), reporting("ring", "growth", [after] * 6)
    result = evaluate(claim(metric="growth"), *sides, metric=GROWTH)
    assert math.isnan(result.ratio)
    assert advice_text.describe_verdict(result) == verdict
    assert advice_text.format_effect(result) == ""


def test_a_promised_factor_is_not_confirmed_by_a_side_at_its_floor() -> None:
    sides = reporting("loop", "growth", [96.0] * 6, baseline=True), reporting("ring", "growth", [3.0] * 6)
    result = evaluate(replace(claim(metric="growth"), ratio=50.0), *sides, metric=GROWTH)
    assert advice_text.describe_verdict(result) == "holds; how many times cannot be measured"


@pytest.mark.parametrize(
    ("advised", "other", "shown"),
    [
        (0.5, 0.2, True),
        (0.5, 0.5, False),
        (0.2, 0.5, False),
        (2.0, 0.5, True),
        (2.0, 1.5, False),  # better than the advised mode, and worse than nothing
    ],
)
def test_a_better_mode_is_shown_only_if_it_beats_the_advised_mode_and_the_baseline(
    advised: float, other: float, *, shown: bool
) -> None:
    noise = [1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 1.01, 0.99]
    sides = [timed("loop", [1.0] * 8, baseline=True)]
    sides += [timed(mode, [cost * n for n in noise]) for mode, cost in (("ring", advised), ("sums", other))]
    result = evaluate(claim("sums"), *sides)
    assert (result.better is not None) is shown
    assert ("better: sums" in advice_text.describe_advice(result)) is shown


@pytest.mark.parametrize(("other", "shown"), [(0.0, False), (0.2, False), (-50.0, True)])
def test_a_better_mode_of_a_metric_must_differ_from_the_advised_one_by_more_than_the_floor(
    other: float, *, shown: bool
) -> None:
    """The advice brings growth to nothing; another mode with nothing too is not better."""
    sides = [
        reporting(mode, "growth", [value] * 6, baseline=mode == "loop")
        for mode, value in (("loop", 96.0), ("ring", 0.0), ("sums", other))
    ]
    assert (evaluate(claim("sums", metric="growth"), *sides, metric=GROWTH).better is not None) is shown


def test_a_better_mode_of_a_claim_in_seconds_saves_more_than_the_advised_one() -> None:
    sides = [timed("loop", [4.0] * 8, baseline=True), timed("ring", [3.0] * 8), timed("sums", [1.0] * 8)]
    better = evaluate(claim("sums", saves=(0.01, 0.05)), *sides).better
    assert better is not None
    assert advice_text.format_change(better) == "40 ms → 10 ms per update, saves 30 ms [30–30]"
    assert evaluate(replace(claim("ring", saves=(0.01, 0.05)), after="sums"), *sides).better is None


def test_advice_about_a_mode_that_was_not_chosen_is_left_out() -> None:
    measured = [timed("loop", [1.0] * 8, baseline=True), timed("sums", [0.5] * 8)]
    made = replace(scenario("loop", "sums"), claims=(claim(), replace(claim(), after="sums")))
    (result,) = build.build_report(replace(run(measured, rounds=8), scenarios=(made,)), ()).tables[0].advice
    assert result.claim.after == "sums"


def test_the_source_stands_with_the_advice() -> None:
    result = evaluate(claim(), timed("loop", [1.0] * 8, baseline=True), timed("ring", [0.5] * 8))
    assert advice_text.describe_advice(result).startswith("advice “use a ring” (notes): holds, ")


def test_a_saved_claim_and_metric_without_the_new_keys_load_with_their_defaults() -> None:
    old = {"before": "loop", "after": "ring", "ratio": 2.0, "source": "notes", "metric": "", "text": "", "better": ""}
    assert msgspec.convert(old, Claim) == Claim("loop", "ring", 2.0, "notes")
    assert msgspec.convert({"unit": "bytes", "better": "lower", "name": "held"}, Metric) == Metric("bytes", name="held")
    kept = msgspec.json.decode(msgspec.json.encode(claim(saves=(0.01, 0.05))), type=Claim)
    assert kept.saves == (0.01, 0.05)
