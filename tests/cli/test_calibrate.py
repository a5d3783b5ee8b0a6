"""``perfbench calibrate`` on known noise."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.checkouts import checkout
from support.command_line import SCENARIOS, one_line, perfbench
from support.runs import gated, measurement, sides_of

from perfbench.gate.calibration import analysis, session
from perfbench.gate.calibration.analysis import Proportion, analyse_slowdown, analyse_unchanged
from perfbench.runner.prepare import PreparedRun
from perfbench.stats import sequential
from perfbench.stats.verdict_bounds import MIN_EFFECT

BODY = """
import os, random

AMOUNT = 100
OUTPUT = ["tick"] * 100

def seconds():
    return random.Random(os.getpid() ^ int.from_bytes(os.urandom(4), "big")).lognormvariate(0, 0.01)
"""


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calibrate")
    checkout(folder / "noisy", "1.0", BODY)
    checkout(folder / "crashing", "2.0", BODY.replace("return", "raise ValueError('no ticks today')\n    return"))
    return folder


def calibrate(workshop: Path, *arguments: object) -> tuple[int, str, str]:
    common = ("--scenario", "ticks_gated", "--scenarios", SCENARIOS, "--mode", "plain", "--quiet")
    done = perfbench("calibrate", *common, *arguments, folder=workshop)
    return done.returncode, done.stdout, done.stderr


# The command -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page(workshop: Path) -> str:
    code, page, complaint = calibrate(
        workshop, "--env", "./noisy", "--rounds", "36", "--slower", "3%", "--slower", "12.5%"
    )
    assert code == 0, complaint
    return page


def figure(page: str, name: str) -> str:
    (line,) = [line for line in page.splitlines() if line.strip().startswith(name)]
    return line.strip().removeprefix(name).strip()


def test_calibration_estimates_noise_of_pairs(page: str) -> None:
    sigma = float(figure(page, "σ per pair").rstrip("%")) / 100
    assert 0.009 < sigma < 0.021  # √2 times 1 %, give or take what 36 pairs leave open
    assert "36 pairs" in page.splitlines()[0]
    assert "! 36 pairs give rough estimates; allow 96 or more (--max-time)" in page


def test_calibration_lists_injected_slowdowns_with_detection_rates(page: str) -> None:
    lines = [line for line in page.splitlines() if "injected slowdown" in line]
    assert [line.split()[2] for line in lines] == ["3.00%", "12.50%"]
    assert all("from 18 pairs, true value in the interval; detected in" in line for line in lines)
    assert all("17" in line for line in lines)


def test_calibration_rejects_several_modes_before_it_measures(workshop: Path, tmp_path: Path) -> None:
    grouped = (SCENARIOS / "ticks_gated.py").read_text().replace("@mode\n", "@mode(group='others')\n")
    (tmp_path / "grouped.py").write_text(grouped)
    options = ("--env", "./noisy", "--scenario", tmp_path / "grouped.py", "--mode", "others", "--rounds", "24")
    done = perfbench("calibrate", *options, "--results", tmp_path / "results", "--quiet", folder=workshop)
    assert done.returncode == 2
    assert "calibrate measures one mode on one market file, not 2" in one_line(done.stderr)
    assert not (tmp_path / "results").exists()


def test_default_slowdowns_are_half_once_and_twice_the_detectable_change() -> None:
    found = analyse_unchanged(differences(400, 0.015), [1.0] * 400, 136, seed=3)
    seen = found.compute_detectable(48)
    assert session.choose_slowdowns(found) == pytest.approx((seen / 2, seen, 2 * seen))


def test_calibration_rejects_slowdown_that_is_not_a_share(workshop: Path) -> None:
    code, page, complaint = calibrate(workshop, "--slower", "much")
    assert (code, page) == (2, "")
    assert "--slower much: not a share\nhint: write a share such as 5% or 0.05" in one_line(complaint)


def test_calibration_lists_false_alarms_of_gate_and_sequential_comparison(page: str) -> None:
    assert "resampled" in figure(page, "false alarms of the gate")
    assert "t-test of means" in figure(page, "false alarms, sequential sides")


def test_calibration_plots_pairs_in_order_of_time(page: str) -> None:
    assert "change measured by each pair, in %, in order of time" in page
    assert "└" in page


@pytest.mark.slow
def test_gate_warns_when_it_scatters_more_than_the_calibration(workshop: Path, page: str) -> None:
    assert page
    path = workshop / "results" / "calibration.json"
    document = json.loads(path.read_text())
    common = (
        "gate",
        "--before",
        "./noisy",
        "--after",
        "./noisy",
        "--scenario",
        "ticks_gated",
        "--scenarios",
        SCENARIOS,
    )
    limits = ("--mode", "plain", "--max-time", "3", "--quiet")
    quiet = perfbench(*common, *limits, folder=workshop)
    assert "calibration" not in quiet.stdout
    for measured in document["measurements"]:
        for sample in measured["samples"]:
            sample["metrics"]["reported_seconds"] **= 0.1
    path.write_text(json.dumps(document))
    noisy = perfbench(*common, *limits, folder=workshop)
    assert "pairs scatter far more than in the calibration" in noisy.stdout
    document["machine"]["cpu"] = "another"
    path.write_text(json.dumps(document))
    elsewhere = perfbench(*common, *limits, folder=workshop)
    assert "the calibration is of another machine" in elsewhere.stdout


def test_calibration_reports_why_it_failed(workshop: Path) -> None:
    code, page, complaint = calibrate(workshop, "--env", "./crashing", "--save", "failed")
    assert (code, page) == (5, "")
    assert "no ticks today" in one_line(complaint)


def test_calibration_does_not_overwrite_another(workshop: Path) -> None:
    (workshop / "results").mkdir(exist_ok=True)
    (workshop / "results" / "twice.json").write_text("{}")
    code, _, complaint = calibrate(workshop, "--env", "./noisy", "--save", "twice", "--max-time", "1")
    assert code == 2
    assert "already exists" in one_line(complaint)


# What the pairs say ---------------------------------------------------------------------------------------------------


def differences(count: int, sigma: float, seed: int = 1, centre: float = 0.0) -> list[float]:
    return np.random.default_rng(seed).normal(centre, sigma, count).tolist()  # type: ignore[no-any-return]


@pytest.mark.statistical
def test_gates_of_unchanged_code_rarely_raise_false_alarms() -> None:
    found = analyse_unchanged(differences(400, 0.015), [1.0] * 400, 136, seed=3)
    assert found.resampled.tried == 3000
    assert found.resampled.share <= 0.01
    assert found.live.tried >= 3
    assert found.sigma == pytest.approx(0.015, rel=0.1)
    assert found.bias_low < 0 < found.bias_high


def test_calibration_detects_bias() -> None:
    found = analyse_unchanged(differences(400, 0.015, centre=0.01), [1.0] * 400, 136, seed=3)
    assert found.bias_low > 0.005


def prepare_pairs_of_one_second() -> PreparedRun:
    run = gated(sides_of("plain", [1.0], [1.0]))
    assert run.settings.gate is not None
    policy = replace(run.settings.gate, pairs=tuple(replace(pairs, cost=1.0) for pairs in run.settings.gate.pairs))
    return PreparedRun((), replace(run, settings=replace(run.settings, gate=policy)))


@pytest.mark.parametrize(
    ("seconds", "rounds", "sizes", "expected"),
    [
        (300.0, None, 3, 156),
        (300.0, None, 2, 204),
        (240.0, None, 3, 96),
        (239.0, None, 3, 95),
        (120.0, None, 3, 48),
        (60.0, None, 3, 24),
        (1.0, None, 1, 24),
        (9.0, 36, 3, 36),
    ],
)
def test_calibration_gives_unchanged_code_the_pairs_that_slowdowns_leave(
    seconds: float, rounds: int | None, sizes: int, expected: int
) -> None:
    assert session.choose_pair_count(prepare_pairs_of_one_second(), seconds, rounds, sizes) == expected


@pytest.mark.parametrize(
    ("seconds", "rounds", "multiples"),
    [
        (300.0, None, (0.5, 1.0, 2.0)),
        (60.0, None, (0.5, 1.0, 2.0)),
        (59.0, None, (1.0, 2.0)),
        (48.0, None, (1.0, 2.0)),
        (47.0, None, (1.0,)),
        (1.0, None, (1.0,)),
        (1.0, 24, (0.5, 1.0, 2.0)),
    ],
)
def test_calibration_injects_as_many_slowdowns_as_fit_into_the_time(
    seconds: float, rounds: int | None, multiples: tuple[float, ...]
) -> None:
    assert session.choose_multiples(prepare_pairs_of_one_second(), seconds, rounds) == multiples


@pytest.mark.parametrize(
    ("seconds", "sizes", "expected"),
    [(math.inf, 3, 24), (1000.0, 3, 24), (40.0, 2, 20), (40.0, 3, 13), (1.0, 3, 12), (-5.0, 1, 12)],
)
def test_slowdowns_have_the_pairs_that_fit_into_what_the_unchanged_pairs_have_left(
    seconds: float, sizes: int, expected: int
) -> None:
    """Beside 48 pairs of unchanged code, of a second each."""
    made = [measurement(mode, [1.0] * 48) for mode in ("before", "after")]
    sides = [
        replace(side, samples=tuple(replace(s, metrics={**s.metrics, "spent_seconds": 1.0}) for s in side.samples))
        for side in made
    ]
    prepared = prepare_pairs_of_one_second().run
    unchanged = replace(prepared, measurements=tuple(sides), duets=((sides[0].case.id, sides[1].case.id),))
    assert session.choose_slowdown_pairs(unchanged, seconds, sizes) == expected


@pytest.mark.parametrize("seconds", [36.0, 40.0, 47.0, 50.0, 60.0, 75.0, 100.0, 150.0, 239.0, 240.0, 1000.0])
def test_calibration_plans_no_more_pairs_than_the_time_allows(seconds: float) -> None:
    prepared = prepare_pairs_of_one_second()
    sizes = len(session.choose_multiples(prepared, seconds, None))
    pairs = session.choose_pair_count(prepared, seconds, None, sizes)
    slowed = session.count_slowdown_pairs(pairs)
    assert pairs + sizes * slowed <= seconds
    assert pairs >= session.MIN_PAIRS
    assert slowed >= analysis.GROUP_SIZE


@pytest.mark.statistical
def test_slowdown_is_recovered_and_detected_at_the_promised_rate() -> None:
    looks = sequential.select_looks(48)
    size = sequential.compute_detectable(0.015, 48, sequential.compute_level(looks), MIN_EFFECT)
    found = analyse_slowdown(size, differences(48, 0.015, centre=math.log1p(size)), looks, seed=5)
    assert found.recovered
    assert found.detected.share > 0.7
    assert found.early.share < found.detected.share
    far = analyse_slowdown(2 * size, differences(48, 0.015, centre=math.log1p(2 * size)), looks, seed=5)
    assert far.detected.share > 0.99


def test_sequential_comparison_mistakes_drift_for_a_change() -> None:
    drifting = [1.0 + 0.002 * n for n in range(240)]
    found = analyse_unchanged(differences(240, 0.015), drifting, 136, seed=3)
    assert found.mean.share == 1.0
    assert found.mean.tried == 10


@pytest.mark.parametrize(
    ("found", "tried", "low", "high"), [(0, 20, 0.0, 0.161), (7, 25, 0.143, 0.476), (8, 9, 0.565, 0.980)]
)
def test_interval_of_proportion_is_that_of_wilson(found: int, tried: int, low: float, high: float) -> None:
    assert Proportion(found, tried).interval == pytest.approx((low, high), abs=0.001)


def test_proportion_without_trial_has_no_share() -> None:
    assert math.isnan(Proportion(0, 0).share)
    assert Proportion(0, 0).interval == (0.0, 1.0)


def test_simulated_gate_stops_at_first_conclusive_look() -> None:
    values = np.array([0.05 + 0.001 * n for n in range(12)] + [-1.0] * 100)
    looks = sequential.select_looks(96)
    assert analysis.simulate_gate(values, looks, sequential.compute_level(looks)).value == "regressed"
