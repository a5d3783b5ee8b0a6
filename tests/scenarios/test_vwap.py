"""The scenario vwap: one answer in every mode, whatever the window and the volume, and traps that are seen to be wrong."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as some
from support.command_line import QUICK, perfbench, without
from support.scenarios import import_shipped

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe

STREAMING = ("list_loop", "advised_rings", "dot_rings", "running_sums")
BATCHES = ("batch_cumsum", "batch_numba", "batch_polars")
Trades = Sequence[tuple[int, int, int]]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two markets in one file, so that a runner is known by its market too."""
    path = tmp_path_factory.mktemp("vwap") / "two markets"
    write_market(Recipe(seed=21, runners=4, updates=600, in_play=True, removal=True, markets=2), path)
    return path


def run(market: Path, folder: Path, *more: str, modes: Sequence[str] = ()) -> tuple[int, str]:
    """Exit code and table of a run of 3,000 trades, of all modes without a group if none is named."""
    chosen = [option for mode in modes for option in ("--mode", mode)]
    done = perfbench("run", "vwap", *QUICK, "--data", market, "--set", "updates=3000", *chosen, *more, folder=folder)
    return done.returncode, done.stdout + done.stderr


def same(output: str) -> dict[str, str]:
    """What the table says of the output of every mode that has an answer."""
    return dict(re.findall(r"^[ !] (\w+) .*\b(yes|no)$", output, re.MULTILINE))


VWAP = import_shipped("vwap")
BATCH = import_shipped("_vwap_batch")


def exact(trades: Trades, periods: int) -> list[float | None]:
    """The definition in hundredths, by fractions: what every mode has to answer."""
    answers: list[float | None] = []
    for number, (runner, _, _) in enumerate(trades):
        last = [trade for trade in trades[: number + 1] if trade[0] == runner][-periods:]
        volume = sum(size for _, _, size in last)
        value = sum(price * size for _, price, size in last)
        answers.append(float(Fraction(value, volume)) if volume and len(last) == periods else None)
    return answers


def test_every_mode_gives_the_same_answers_round_the_ring(market: Path, tmp_path: Path) -> None:
    code, output = run(market, tmp_path, "--set", "periods=20", "--set", "capacity=32")
    assert code == 0, output
    assert same(output) == dict.fromkeys((*STREAMING[1:], *BATCHES), "yes")
    document = json.loads(next((tmp_path / "results").glob("*.json")).read_text())
    assert {m["output"]["updates"] for m in document["measurements"]} == {3_000}


@pytest.mark.slow
def test_the_busiest_runners_can_be_taken_alone(market: Path, tmp_path: Path) -> None:
    digests = set()
    for runners in ("1", "2", "0"):
        code, output = run(market, tmp_path, "--set", f"runners={runners}", modes=STREAMING)
        assert code == 0, output
        newest = max((tmp_path / "results").glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        digests |= {m["output"]["digest"] for m in json.loads(newest.read_text())["measurements"]}
    assert len(digests) == 3


TRADES = some.lists(
    some.tuples(some.integers(0, 2), some.integers(101, 100_000), some.sampled_from([0, 0, 1, 200, 12_345, 2_000_000])),
    min_size=1,
    max_size=60,
)


@given(trades=TRADES, periods=some.integers(1, 12), spare=some.integers(0, 3))
def test_all_ways_to_sum_a_window_are_exact(trades: Trades, periods: int, spare: int) -> None:
    expected = exact(trades, periods)
    ways: dict[str, Any] = {
        "loop": lambda: VWAP.Lists(periods),
        "dot": lambda: VWAP.DotRings(periods, periods + spare),
        "sums": lambda: VWAP.RunningSums(periods),
    }
    for name, made in ways.items():
        windows = [made() for _ in range(3)]
        assert [windows[runner].traded(price, size) for runner, price, size in trades] == expected, name
    batch = BATCH.as_arrays(list(trades))
    assert list(BATCH.at_once(BATCH.cumulative(batch, periods)).output) == expected
    assert list(BATCH.at_once(BATCH.rolling(*batch, 3, periods)).output) == expected


def test_float_sums_never_forget_a_huge_print() -> None:
    trades = [(101, 200), (100_000, 10**17), *[(101, 200)] * 5]
    drifting, exact_sums = VWAP.FloatSums(2), VWAP.RunningSums(2)
    drifted = [drifting.traded(price, size) for price, size in trades][-1]
    assert [exact_sums.traded(price, size) for price, size in trades][-1] == 101
    assert drifted != pytest.approx(101, rel=1e-3)


def test_check_detects_a_ring_shared_by_all_runners(market: Path, tmp_path: Path) -> None:
    code, output = run(market, tmp_path, modes=("list_loop", "shared_rings"))
    assert code == 6, output
    assert same(output) == {"shared_rings": "no"}
    code, output = run(market, tmp_path, "--set", "runners=1", modes=("list_loop", "shared_rings"))
    assert code == 0, output


def test_advised_rings_are_wrong_for_more_periods_than_they_hold_and_the_dot_product_refuses(
    market: Path, tmp_path: Path
) -> None:
    modes = ("list_loop", "advised_rings", "dot_rings")
    code, output = run(market, tmp_path, "--set", "capacity=20", modes=modes)
    assert code != 0
    assert "! dot_rings: ValueError: a ring of 20 trades has no last 50: raise its capacity" in output
    assert re.search(r"^! advised_rings differs at update \d+, its value: [\d.]+ → [\d.]+$", output, re.MULTILINE)
    code, output = run(market, tmp_path, "--set", "capacity=50", modes=modes)
    assert code == 0, output


def test_a_window_without_volume_is_nan_for_the_advised_rings_only(market: Path, tmp_path: Path) -> None:
    code, output = run(market, tmp_path, "--set", "quiet=60", modes=(*STREAMING, "batch_cumsum"))
    assert code != 0
    assert re.search(r"^! advised_rings differs at update \d+, its value: None → ", output, re.MULTILINE)
    assert same(output) == {"advised_rings": "no", "dot_rings": "yes", "running_sums": "yes", "batch_cumsum": "yes"}


# What the advice says ---------------------------------------------------------------------------------------------------


def test_advised_rings_are_two_arrays_of_1000_floats_with_an_index() -> None:
    rings = VWAP.AdvisedRings(3)
    assert [(len(array), array.dtype, array.any()) for array in (rings._prices, rings._sizes)] == [
        (1000, "float64", False),
        (1000, "float64", False),
    ]
    assert inspect.signature(VWAP.advised_rings).parameters["capacity"].default == 1000
    answers = [
        rings.traded(price, size) for price, size in ((200.0, 10.0), (300.0, 30.0), (400.0, 60.0), (100.0, 10.0))
    ]
    assert answers == [None, None, 350.0, (300 * 30 + 400 * 60 + 100 * 10) / 100]
    assert (list(rings._prices[:5]), rings._index) == ([200.0, 300.0, 400.0, 100.0, 0.0], 4)


def test_advised_rings_concatenate_both_ends_on_wrap_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ring of four and a window of three: the fifth and the sixth trade wrap around, the seventh and the eighth do not."""
    joined = []
    original = VWAP.numpy.concatenate

    def concatenate(parts: Any) -> Any:
        joined.append([list(part) for part in parts])
        return original(parts)

    monkeypatch.setattr(VWAP.numpy, "concatenate", concatenate)
    rings = VWAP.AdvisedRings(3, 4)
    answers = [rings.traded(float(number), 1.0) for number in range(1, 9)]
    assert answers == [None, None, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    assert joined[::2] == [[[2.0, 3.0, 4.0], []], [[3.0, 4.0], [5.0]], [[4.0], [5.0, 6.0]], [[6.0, 7.0, 8.0], []]]


def test_discouraged_loop_indexes_two_growing_lists_from_their_ends() -> None:
    class Counted(list):  # type: ignore[type-arg]
        indexes: ClassVar[list[int]] = []

        def __getitem__(self, index: Any) -> Any:
            self.indexes.append(index)
            return super().__getitem__(index)

    loop = VWAP.Lists(2)
    loop._prices, loop._sizes = Counted(), Counted()
    assert [loop.traded(price, size) for price, size in ((200.0, 10.0), (300.0, 30.0), (400.0, 0.0))] == [
        None,
        275.0,
        300.0,
    ]
    assert Counted.indexes == [-2, -2, -2, -1, -1, -1] * 2
    assert (len(loop._prices), len(loop._sizes)) == (3, 3)


def test_claim_is_about_the_advised_rings_against_the_discouraged_loop() -> None:
    (claim,) = VWAP.CLAIMS
    assert (claim.before, claim.after, claim.source) == ("list_loop", "advised_rings", "community notes")


def test_periods_below_one_are_refused() -> None:
    for made in (VWAP.Lists, VWAP.RunningSums, VWAP.AdvisedRings, lambda periods: VWAP.DotRings(periods, 10)):
        with pytest.raises(ValueError, match="periods=0"):
            made(0)


def test_file_without_trades_is_reported(market: Path, tmp_path: Path) -> None:
    without(market, tmp_path / "no trades", "trd", "tv")
    _, output = run(tmp_path / "no trades", tmp_path, modes=STREAMING)
    assert "not available here: no trades has no traded volume (trd)" in output
