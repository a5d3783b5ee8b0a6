"""Coverage of a survey's intervals on simulated corpora: ``survey_coverage.py [PART…] [--runs N]``, or ``resample FILE.npz``.

coverage      ratio and totals by number of draws: without replacement as perfbench draws, with the noise from 12 repeated pairs
              where the sample is a large part of the corpus, and without them; with replacement as textbooks do
drift         ratio and totals where the speed of the machine drifts slowly
corrections   intervals of few draws: without corrections, with those of perfbench, and by a bootstrap
stop          coverage when a survey stops at the first look with a narrow interval
gate          false alarms of a gate on unchanged corpora, and on those whose markets differ and whose total stays
strata        false alarms and detected regressions of a gate that tests the corpus and its strata
labels        strata known from the listing as a calibration of the ratio (poststratification)
time          draws in proportion to size against size / √cost, with the same seconds
percentiles   percentiles of the markets against their true values
resample      coverage of surveys of measured batches, a census with ``before``, ``after`` and ``sizes``: the true values are known

Populations: 300 and 5,000 batches, lognormal sizes with sigma 1.0 and 1.6, seconds a byte lognormal with 0.35, ratio lognormal with
0.18, its logarithm correlated with that of the seconds a byte by 0.5. Each pair has another speed of the machine (10 %) and noise
(3 %). Every run of a simulation has its own seed; each population serves 50 runs. All parts take about ten minutes with 2,000 runs.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from perfbench.gate.calibration.analysis import Proportion
from perfbench.model import Verdict
from perfbench.stats import student_t, survey, survey_census, survey_draws, survey_gate, survey_strata
from perfbench.stats.survey_decision import TESTED_STRATA
from perfbench.stats.survey_error import PairNoise, compute_relative_error
from perfbench.stats.verdict_bounds import STANDARD_BOUNDS, VerdictBounds

Floats = NDArray[np.float64]

SPEED, PAIR = 0.10, 0.03
NOISE = PairNoise(PAIR, SPEED)
NO_NOISE = PairNoise(0.0, 0.0)
RUNS_OF_A_POPULATION = 50
DRAWS = (12, 24, 48, 96, 200)
SHAPES = ((300, 1.0), (300, 1.6), (5000, 1.0), (5000, 1.6))
NO_MARGIN = VerdictBounds(worse=0.0, better=0.0, floor=-0.01, ceiling=0.01)


@dataclass(frozen=True)
class Population:
    """A corpus with the true seconds of each batch, and the label of each batch: 0, 1 or 2."""

    sizes: Floats
    before: Floats
    after: Floats
    labels: NDArray[np.int64]

    @property
    def shares(self) -> Floats:
        """Of each batch in the bytes."""
        return survey_draws.compute_shares(self.sizes)

    @property
    def ratio(self) -> float:
        """Of the totals."""
        return float(self.after.sum() / self.before.sum())


def make_population(rng: np.random.Generator, batches: int, sigma: float, explained: float = 0.0) -> Population:
    """A population; the labels explain this part of the variance of the log ratio that the seconds a byte do not explain."""
    sizes = rng.lognormal(0.0, sigma, batches)
    cost, own = rng.standard_normal((2, batches))
    labels = rng.integers(0, 3, batches)
    by_label = (labels - 1) / math.sqrt(2 / 3)
    before = sizes * np.exp(0.35 * cost)
    rest = math.sqrt(explained) * by_label + math.sqrt(1 - explained) * own
    after = before * np.exp(0.18 * (0.5 * cost + math.sqrt(0.75) * rest))
    return Population(sizes, before, after, labels)


def draw_with_replacement(rng: np.random.Generator, population: Population, draws: int) -> NDArray[np.int64]:
    """Batches with probabilities in proportion to their size, each draw by itself."""
    return rng.choice(population.sizes.size, draws, p=population.shares)


def measure(rng: np.random.Generator, population: Population, drawn: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """The seconds of a pair of each drawn batch; speed and noise have the mean 1."""
    speed = np.exp(SPEED * rng.standard_normal(drawn.size) - SPEED**2 / 2)
    noise = np.exp(PAIR * rng.standard_normal(drawn.size) - PAIR**2 / 2)
    return population.before[drawn] * speed, population.after[drawn] * speed * noise


def list_runs(
    runs: int, batches: int, sigma: float, explained: float = 0.0, seed: int = 19
) -> Iterator[tuple[np.random.Generator, Population, int]]:
    """A generator, a population and a seed for each run."""
    rng = np.random.default_rng([seed, batches, round(10 * sigma)])
    for run in range(runs):
        if run % RUNS_OF_A_POPULATION == 0:
            population = make_population(rng, batches, sigma, explained)
        yield rng, population, int(rng.integers(2**62))


@dataclass
class Score:
    """How often an interval covered the truth, how wide it was, and the error of the estimate."""

    covered: int = 0
    runs: int = 0
    widths: float = 0.0
    squares: float = 0.0

    def add(self, estimate: float, low: float, high: float, truth: float) -> None:
        """Count one interval."""
        self.runs += 1
        self.covered += low <= truth <= high
        self.widths += math.log(high / low) / 2
        self.squares += math.log(estimate / truth) ** 2

    def __str__(self) -> str:
        error = math.sqrt(self.squares / self.runs)
        return f"{self.covered / self.runs:6.1%} ±{self.widths / self.runs:6.1%} ({error:.1%})"


def estimate_plain(before: Floats, after: Floats | None, shares: Floats) -> tuple[float, float, float]:
    """The textbook's interval with replacement: mean and standard deviation of the n expanded values, t with n − 1."""
    first = before / shares
    second = np.full_like(first, 1.0) if after is None else after / shares
    if after is None:
        value = float(first.mean())
        error = float(first.std(ddof=1)) / value
    else:
        value = float(second.sum() / first.sum())
        error = float(((second - value * first) / first.mean()).std(ddof=1)) / value
    half = student_t.compute_quantile(0.025, first.size - 1) * error / math.sqrt(first.size)
    return value, value * math.exp(-half), value * math.exp(half)


def read(estimate: survey.RatioEstimate | survey.TotalEstimate) -> tuple[float, float, float]:
    """The estimate with the ends of its interval."""
    middle = estimate.ratio if isinstance(estimate, survey.RatioEstimate) else estimate.total
    return middle, estimate.low, estimate.high


def show_coverage(runs: int) -> None:
    """Coverage, half width and true error of ratio and totals."""
    print("coverage of 95 %, mean half width, (standard error of the estimate)")
    for batches, sigma in SHAPES:
        for draws in DRAWS:
            scores: dict[str, Score] = {}
            for rng, population, seed in list_runs(runs, batches, sigma):
                truths = (population.ratio, population.before.sum())
                shares = population.shares
                again = draw_with_replacement(rng, population, draws)
                before, after = measure(rng, population, again)
                plain = (estimate_plain(before, after, shares[again]), estimate_plain(before, None, shares[again]))
                for name, ends, truth in zip(("ratio", "total"), plain, truths, strict=True):
                    scores.setdefault(f"textbook {name}", Score()).add(*ends, truth)
                sample = survey_draws.draw_distinct_batches(population.sizes, draws, seed)
                parts = shares[sample.indices]
                chances = survey_draws.compute_inclusion(population.sizes[sample.indices], sample.thresholds[-1])
                before, after = measure(rng, population, sample.indices)
                repeated = estimate_noise_of_repeats(rng, population, sample.indices, chances, before, after)
                for label, noise in (("perfbench", repeated), ("without repeats", None)):
                    ratio = survey.estimate_ratio(before, after, parts, inclusion=chances, noise=noise)
                    total = survey.estimate_total(before, parts, inclusion=chances, noise=noise)
                    scores.setdefault(f"{label} ratio", Score()).add(*read(ratio), truths[0])
                    scores.setdefault(f"{label} total", Score()).add(*read(total), truths[1])
            print_scores(f"{batches:5} batches, sigma {sigma}, {draws:3} draws", scores)


def estimate_noise_of_repeats(
    rng: np.random.Generator,
    population: Population,
    drawn: NDArray[np.int64],
    chances: Floats,
    before: Floats,
    after: Floats,
) -> PairNoise | None:
    """The noise from second pairs of the first draws, as many as ``count_repeats`` says; None where it says none."""
    again = drawn[: survey_census.count_repeats(chances)]
    first, second = measure(rng, population, again)
    batches = np.concatenate([drawn, again])
    return survey_census.estimate_pair_noise(batches, np.append(before, first), np.append(after, second))


def print_scores(title: str, scores: dict[str, Score]) -> None:
    """One line for each score."""
    for name, score in scores.items():
        print(f"{title}  {name:<24} {score}", flush=True)


def show_drift(runs: int) -> None:
    """Coverage where the speed of the machine drifts slowly: neighbouring pairs are correlated by 0.9."""
    for draws in (24, 48, 96):
        scores = {name: Score() for name in ("ratio", "total")}
        for rng, population, seed in list_runs(runs, 5000, 1.0):
            sample = survey_draws.draw_distinct_batches(population.sizes, draws, seed)
            chances = survey_draws.compute_inclusion(population.sizes[sample.indices], sample.thresholds[-1])
            steps = rng.standard_normal(draws) * np.append(1.0, np.full(draws - 1, math.sqrt(1 - 0.9**2)))
            state = 0.0
            path: list[float] = []
            for step in steps:
                state = 0.9 * state + step if path else step
                path.append(state)
            speed = np.exp(SPEED * np.array(path) - SPEED**2 / 2)
            noise = np.exp(PAIR * rng.standard_normal(draws) - PAIR**2 / 2)
            before, after = population.before[sample.indices] * speed, population.after[sample.indices] * speed * noise
            parts = population.shares[sample.indices]
            ratio = survey.estimate_ratio(before, after, parts, inclusion=chances, noise=NOISE)
            total = survey.estimate_total(before, parts, inclusion=chances, noise=NOISE)
            scores["ratio"].add(*read(ratio), population.ratio)
            scores["total"].add(*read(total), population.before.sum())
        print_scores(f" 5000 batches, sigma 1.0, {draws:3} draws", scores)


def show_corrections(runs: int) -> None:
    """Intervals of the ratio from few draws with replacement."""
    for batches, sigma in SHAPES:
        for draws in (6, 8, 12, 24):
            scores = {name: Score() for name in ("textbook", "jackknife, n − 1", "perfbench", "bootstrap-t")}
            for rng, population, _ in list_runs(runs, batches, sigma):
                drawn = draw_with_replacement(rng, population, draws)
                before, after = measure(rng, population, drawn)
                shares = population.shares[drawn]
                intervals = (
                    estimate_plain(before, after, shares),
                    estimate_jackknife(before / shares, after / shares),
                    read(survey.estimate_ratio(before, after, shares)),
                    estimate_bootstrap(rng, before / shares, after / shares),
                )
                for score, ends in zip(scores.values(), intervals, strict=True):
                    score.add(*ends, population.ratio)
            print_scores(f"{batches:5} batches, sigma {sigma}, {draws:3} draws", scores)


def estimate_jackknife(first: Floats, second: Floats) -> tuple[float, float, float]:
    """The jackknife of the log ratio, t with n − 1."""
    left_out = np.log((second.sum() - second) / (first.sum() - first))
    error = math.sqrt((first.size - 1) * float(left_out.var()))
    half = student_t.compute_quantile(0.025, first.size - 1) * error
    value = float(second.sum() / first.sum())
    return value, value * math.exp(-half), value * math.exp(half)


def estimate_bootstrap(rng: np.random.Generator, first: Floats, second: Floats) -> tuple[float, float, float]:
    """The bootstrap-t of the log ratio with 999 resamples (Efron, Tibshirani 1993, section 12.5)."""
    value, error = linearise(first[None, :], second[None, :])
    chosen = rng.integers(0, first.size, (999, first.size))
    values, errors = linearise(first[chosen], second[chosen])
    scale = np.log(values / value[0]) / np.where(errors > 0, errors, np.inf)
    low, high = np.quantile(scale, (0.975, 0.025))
    return float(value[0]), float(value[0] * math.exp(-low * error[0])), float(value[0] * math.exp(-high * error[0]))


def linearise(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """The ratio and its relative standard error in each row."""
    values = second.sum(axis=1) / first.sum(axis=1)
    parts = second / second.sum(axis=1)[:, None] - first / first.sum(axis=1)[:, None]
    count = first.shape[1]
    return values, np.sqrt((parts**2).sum(axis=1) * count / (count - 1))


def show_stop(runs: int) -> None:
    """Coverage of the ratio by precision, without and with the price of looking."""
    precisions = (0.02, 0.025, 0.03, 0.04, 0.05, 0.06, 0.08, 0.10, 0.12, 0.15)
    for batches, sigma in SHAPES:
        looks = [look for look in survey.LOOKS if look < batches]
        errors = np.empty((runs, len(looks), 3))
        for run, (rng, population, seed) in enumerate(list_runs(runs, batches, sigma)):
            sample = survey_draws.draw_distinct_batches(population.sizes, looks[-1], seed)
            before, after = measure(rng, population, sample.indices)
            for place, look in enumerate(looks):
                sizes = population.sizes[sample.indices[:look]]
                chances = survey_draws.compute_inclusion(sizes, sample.thresholds[look - 1])
                first, second = before[:look] / chances, after[:look] / chances
                pull, parts = first / first.sum(), second / second.sum()
                error = compute_relative_error(parts - pull, pull, chances, parts, NOISE)
                distance = math.log(second.sum() / first.sum() / population.ratio)
                errors[run, place] = distance, math.hypot(error.sampling, error.noise), error.degrees
        for factor in (1.0, 0.8, 0.7, 0.6, 0.5):
            stops = [stop_early(errors, factor, precision) for precision in precisions]
            covered = " ".join(f"{share:.3f}" for share, _ in stops)
            draws = " ".join(f"{np.array(looks)[places].mean():.0f}" for _, places in stops)
            print(f"{batches:5} batches, sigma {sigma}, factor {factor}: coverage {covered}; draws {draws}", flush=True)


def stop_early(errors: NDArray[np.float64], factor: float, precision: float) -> tuple[float, NDArray[np.int64]]:
    """The coverage at the first look whose interval is narrow, else at the last; and which look that is."""
    runs = np.arange(len(errors))
    critical = np.vectorize(lambda degrees: student_t.compute_quantile(0.025 * factor, round(degrees, 1)))
    halves = critical(errors[:, :, 2]) * errors[:, :, 1]
    narrow = halves <= math.log1p(precision)
    narrow[:, -1] = True
    places = narrow.argmax(axis=1)
    return float((np.abs(errors[runs, places, 0]) <= halves[runs, places]).mean()), places


def show_gate(runs: int) -> None:
    """False alarms of the corpus without margins."""
    for batches, sigma in SHAPES:
        for most in (48, 96):
            for name, change in (("unchanged", no_change), ("markets differ, totals equal", balance)):
                for side in (0.005, 0.05):
                    counts = count_verdicts(10 * runs, batches, sigma, most, change, NO_MARGIN, side)
                    print(
                        f"{batches:5} batches, sigma {sigma}, {most} draws, {name}, side {side:.1%}: {counts}",
                        flush=True,
                    )


def show_strata(runs: int) -> None:
    """Detected regressions of a corpus and of one of its three strata, with the margins of perfbench."""
    for name, change in (
        ("unchanged", no_change),
        ("3 % everywhere", slow_all),
        ("5 % in one of three strata", slow_stratum),
    ):
        for most in (48, 96, 200):
            counts = count_verdicts(runs, 5000, 1.0, most, change, STANDARD_BOUNDS, 0.005, family=TESTED_STRATA)
            print(
                f" 5000 batches, sigma 1.0, {most} draws, {TESTED_STRATA} strata at most, {name}: {counts}", flush=True
            )


Change = Callable[[Population], Floats]


def no_change(population: Population) -> Floats:
    """The seconds before."""
    return population.before


def balance(population: Population) -> Floats:
    """Ratios that scatter by 18 %, with the total before."""
    return population.after / population.ratio


def slow_all(population: Population) -> Floats:
    """3 % slower."""
    return population.before * 1.03


def slow_stratum(population: Population) -> Floats:
    """The stratum 0 slower by 5 %."""
    return population.before * np.where(population.labels == 0, 1.05, 1.0)


def count_verdicts(
    runs: int,
    batches: int,
    sigma: float,
    most: int,
    change: Change,
    allowed: VerdictBounds,
    side: float,
    family: int = 0,
) -> str:
    """How often gates of changed corpora report each verdict, with the intervals of Wilson."""
    counts = dict.fromkeys(("corpus regressed", "corpus improved", "regressed", "stratum 0", "another stratum"), 0)
    for rng, population, seed in list_runs(runs, batches, sigma):
        changed = Population(population.sizes, population.before, change(population), population.labels)
        sample = survey_draws.draw_distinct_batches(changed.shares, most, seed)
        before, after = measure(rng, changed, sample.indices)
        labels = changed.labels[sample.indices]
        pairs = survey_gate.SurveyedPairs(before, after, changed.shares[sample.indices], sample.thresholds)
        strata = {str(label): labels == label for label in range(3)} if family else {}
        verdict = run_gate(pairs, most, allowed, strata, family, side)
        counts["corpus regressed"] += verdict.corpus.verdict is Verdict.REGRESSED
        counts["corpus improved"] += verdict.corpus.verdict is Verdict.IMPROVED
        counts["regressed"] += verdict.regressed
        slower = {part.label for part in verdict.strata if part.verdict is Verdict.REGRESSED}
        counts["stratum 0"] += "0" in slower
        counts["another stratum"] += bool(slower - {"0"})
    shown = list(counts)[: None if family else 2]
    return ", ".join(f"{name} {show_proportion(Proportion(counts[name], runs))}" for name in shown)


def run_gate(
    pairs: survey_gate.SurveyedPairs,
    most: int,
    allowed: VerdictBounds,
    strata: dict[str, NDArray[np.bool_]],
    family: int,
    side: float,
) -> survey_gate.SurveyVerdict:
    """The verdict at the first look that settles it."""
    assert pairs.thresholds is not None
    for look in survey_gate.select_looks(most):
        part = survey_gate.SurveyedPairs(
            pairs.before[:look], pairs.after[:look], pairs.shares[:look], pairs.thresholds[:look]
        )
        verdict = survey_gate.decide_survey(part, most, allowed, strata=strata, family=family, noise=NOISE, side=side)
        if verdict.settled:
            break
    return verdict


def show_proportion(proportion: Proportion) -> str:
    """A share with its interval."""
    low, high = proportion.interval
    return f"{proportion.share:.2%} [{low:.2%}–{high:.2%}]"


def show_labels(runs: int) -> None:
    """The ratio with and without calibration to the known bytes of three labels."""
    for explained in (0.0, 0.6):
        for batches, sigma in SHAPES:
            for draws in (24, 48, 96):
                scores = {"perfbench": Score(), "poststratified": Score()}
                for rng, population, seed in list_runs(runs, batches, sigma, explained):
                    sample = survey_draws.draw_distinct_batches(population.sizes, draws, seed)
                    shares = population.shares
                    chances = survey_draws.compute_inclusion(population.sizes[sample.indices], sample.thresholds[-1])
                    before, after = measure(rng, population, sample.indices)
                    parts = shares[sample.indices]
                    plain = read(survey.estimate_ratio(before, after, parts, inclusion=chances, noise=NOISE))
                    scores["perfbench"].add(*plain, population.ratio)
                    bytes_by_label = np.bincount(population.labels, weights=shares, minlength=3).astype(np.float64)
                    labels = population.labels[sample.indices]
                    calibrated = estimate_poststratified(before, after, parts, chances, labels, bytes_by_label) or plain
                    scores["poststratified"].add(*calibrated, population.ratio)
                print_scores(f"explained {explained:.0%}, {batches:5} batches, sigma {sigma}, {draws:3} draws", scores)


def estimate_poststratified(
    before: Floats, after: Floats, shares: Floats, chances: Floats, labels: NDArray[np.int64], bytes_by_label: Floats
) -> tuple[float, float, float] | None:
    """The ratio from weights that give each label its known share of the bytes; None if a label has less than 4 draws."""
    counts = np.bincount(labels, minlength=3)
    if counts.min() < 4:
        return None
    drawn = np.bincount(labels, weights=shares / chances, minlength=3)
    weights = (bytes_by_label / drawn)[labels] / chances
    first, second = before * weights, after * weights
    parts, pull = second / second.sum(), first / first.sum()
    own = shares / chances / drawn[labels]
    rest = parts - pull
    rest = rest - own * np.bincount(labels, weights=rest, minlength=3)[labels]
    variance = float(((1 - chances) * (rest / (1 - np.minimum(own, 0.9))) ** 2).sum())
    variance += float((chances * ((PAIR * parts) ** 2 + (SPEED * rest) ** 2)).sum())
    spread = (1 - chances) * pull**2
    degrees = max(1.0, float(spread.sum() ** 2 / (spread @ spread)) - bytes_by_label.size)
    half = student_t.compute_quantile(0.025, degrees) * math.sqrt(variance)
    value = float(second.sum() / first.sum())
    return value, value * math.exp(-half), value * math.exp(half)


def show_time(runs: int) -> None:
    """The error of the ratio in the same time, for draws in proportion to size and to size / √cost."""
    for batches, sigma in SHAPES:
        for overhead in (0.5, 2.0):
            for budget in (60.0, 300.0):
                scores = {"size": Score(), "size / √cost": Score()}
                counts = dict.fromkeys(scores, 0)
                for rng, population, seed in list_runs(runs, batches, sigma):
                    rate = 0.9 / population.sizes.mean()  # of both passes of an average batch, 0.45 s each
                    seconds = overhead + rate * population.sizes
                    aware = population.sizes / np.sqrt(seconds)
                    for name, measures in zip(scores, (population.sizes, aware), strict=True):
                        sample = survey_draws.draw_distinct_batches(measures, batches, seed)
                        spent = np.cumsum(seconds[sample.indices])
                        draws = max(6, int(np.searchsorted(spent, budget)))
                        drawn = sample.indices[:draws]
                        chances = survey_draws.compute_inclusion(measures[drawn], sample.thresholds[draws - 1])
                        before, after = measure(rng, population, drawn)
                        parts = population.shares[drawn]
                        ratio = survey.estimate_ratio(before, after, parts, inclusion=chances, noise=NOISE)
                        scores[name].add(*read(ratio), population.ratio)
                        counts[name] += draws
                title = f"{batches:5} batches, sigma {sigma}, {overhead} s a pair, {budget:.0f} s"
                print_scores(f"{title}, draws {' / '.join(f'{count / runs:.0f}' for count in counts.values())}", scores)


def show_percentiles(runs: int) -> None:
    """Errors of the percentiles of the market ratios, in points of the logarithm."""
    for batches, sigma in SHAPES:
        for draws in (48, 96, 200):
            rows = []
            for rng, population, seed in list_runs(runs, batches, sigma):
                sample = survey_draws.draw_distinct_batches(population.sizes, draws, seed)
                drawn = sample.indices
                chances = survey_draws.compute_inclusion(population.sizes[drawn], sample.thresholds[-1])
                before, after = measure(rng, population, drawn)
                markets = survey_strata.estimate_percentiles(before, after, chances)
                own = survey_strata.estimate_byte_percentiles(
                    before, after, population.shares[drawn], inclusion=chances
                )
                ratios = population.after / population.before
                equal = [np.quantile(ratios, probability) for probability in survey_strata.PERCENTILES]
                by_size = [
                    survey_strata.weighted_quantile(ratios, population.sizes, probability)
                    for probability in survey_strata.PERCENTILES
                ]
                row = [
                    math.log(value / truth)
                    for value, truth in zip((markets.low, markets.median, markets.high), equal, strict=True)
                ]
                row += [
                    math.log(value / truth)
                    for value, truth in zip((own.low, own.median, own.high), by_size, strict=True)
                ]
                rows.append([*row, markets.effective, own.effective])
            errors = np.array(rows)
            roots = np.sqrt(np.nanmean(errors[:, :6] ** 2, axis=0))
            missing = np.isnan(errors[:, 0]).mean()
            effective = errors[:, 6:].mean(axis=0)
            print(
                f"{batches:5} batches, sigma {sigma}, {draws:3} draws: of markets "
                + " ".join(f"{root:.1%}" for root in roots[:3])
                + f" (effective draws {effective[0]:.0f}, no outer ones in {missing:.0%}), of bytes "
                + " ".join(f"{root:.1%}" for root in roots[3:])
                + f" (effective draws {effective[1]:.0f})",
                flush=True,
            )


@dataclass(frozen=True)
class ResampledCoverage:
    """How often the intervals of surveys with this many draws contain the values of the census."""

    draws: int
    ratio: Proportion
    before: Proportion
    after: Proportion


def resample_coverage(
    before: Sequence[float] | Floats,
    after: Sequence[float] | Floats,
    sizes: Sequence[float] | Floats,
    draws: Sequence[int] = (24, 48, 96),
    resamples: int = 1000,
    seed: int = 19,
) -> list[ResampledCoverage]:
    """Coverage of 95 % intervals of ratio and totals in surveys of batches that were all measured, once each.

    The seconds of a batch are the same in every survey, so that the measurements have no noise. Raises ValueError for more draws
    than batches.
    """
    first, second, packed = (np.asarray(values, dtype=np.float64) for values in (before, after, sizes))
    population = Population(packed, first, second, np.zeros(packed.size, dtype=np.int64))
    if max(draws) > population.sizes.size:
        raise ValueError(f"{population.sizes.size} batches are fewer than {max(draws)} draws")
    truths = (population.ratio, population.before.sum(), population.after.sum())
    covered = {count: np.zeros(3, dtype=int) for count in draws}
    for resample in range(resamples):
        sample = survey_draws.draw_distinct_batches(population.shares, max(draws), seed + resample)
        for count in draws:
            drawn = sample.indices[:count]
            parts = population.shares[drawn]
            chances = survey_draws.compute_inclusion(parts, sample.thresholds[count - 1])
            estimates = (
                read(survey.estimate_ratio(first[drawn], second[drawn], parts, inclusion=chances, noise=NO_NOISE)),
                read(survey.estimate_total(first[drawn], parts, inclusion=chances, noise=NO_NOISE)),
                read(survey.estimate_total(second[drawn], parts, inclusion=chances, noise=NO_NOISE)),
            )
            ends = zip(estimates, truths, strict=True)
            covered[count] += [low * (1 - 1e-12) <= truth <= high * (1 + 1e-12) for (_, low, high), truth in ends]
    return [ResampledCoverage(count, *(Proportion(int(hits), resamples) for hits in covered[count])) for count in draws]


def show_resampled(path: Path, resamples: int) -> None:
    """Print the coverage of surveys of the batches in an .npz file."""
    arrays = np.load(path)
    for row in resample_coverage(arrays["before"], arrays["after"], arrays["sizes"], resamples=resamples):
        shown = (f"{name} {show_proportion(getattr(row, name))}" for name in ("ratio", "before", "after"))
        print(f"{row.draws:3} draws: {', '.join(shown)}")


PARTS: dict[str, Callable[[int], None]] = {
    "coverage": show_coverage,
    "drift": show_drift,
    "corrections": show_corrections,
    "stop": show_stop,
    "gate": show_gate,
    "strata": show_strata,
    "labels": show_labels,
    "time": show_time,
    "percentiles": show_percentiles,
}


def main() -> None:
    """Run the named parts, default all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help="parts, or: resample FILE.npz")
    parser.add_argument("--runs", type=int, default=2000)
    arguments = parser.parse_args()
    if arguments.parts[:1] == ["resample"] and len(arguments.parts) == 2:
        show_resampled(Path(arguments.parts[1]), arguments.runs)
        return
    unknown = [part for part in arguments.parts if part not in PARTS]
    if unknown:
        sys.exit(f"no such part: {', '.join(unknown)}; parts are {', '.join(PARTS)}")
    for part in arguments.parts or PARTS:
        print(f"--- {part}", flush=True)
        PARTS[part](arguments.runs)


if __name__ == "__main__":
    main()
