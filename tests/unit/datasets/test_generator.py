"""The market generator: same seed, same bytes; and what it writes is what Betfair would."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import json
import lzma
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import betfairlightweight
import pytest
from betfairlightweight import StreamListener
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.command_line import HERE, one_line, perfbench
from support.special_files import Reader, is_fifo

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.market import stream_lines
from perfbench.datasets.generator.prices import PRICES, TICKS
from perfbench.datasets.generator.recipe import SAMPLE_RECIPES, Recipe
from perfbench.environments.interpreters import find_interpreters
from perfbench.errors import UsageProblem
from perfbench.util import paths

PINNED = {
    "sample-win": "574eb5a3ecff8f564004a4c474182d8f929d64e9c66a7cd27118de1caef945fb",
    "sample-match-odds": "f1e77b7ec8c4015700da4ea1c05578a8bb502448c05382b242b56a906c09834a",
    "sample-event": "afc496a54f410918efccf552703362282ca4feca1c083b2a92f6a41508d1cb1f",
}
EVERYTHING = Recipe(seed=5, runners=6, updates=900, bsp=True, in_play=True, removal=True, changed_runners=2.5)

QUESTION = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from perfbench.datasets.generator import SAMPLE_RECIPES, stream_lines
for name, recipe in SAMPLE_RECIPES.items():
    checksum = hashlib.sha256()
    for line in stream_lines(recipe):
        checksum.update(line.encode())
    print(name, checksum.hexdigest())
"""

PYTHONS = [found for found in find_interpreters() if tuple(map(int, found.version.split(".")[:2])) >= (3, 10)]


def messages(recipe: Recipe) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream_lines(recipe)]


def changes(recipe: Recipe) -> Iterator[dict[str, Any]]:
    for message in messages(recipe):
        yield from message["mc"]


def definitions(recipe: Recipe) -> list[dict[str, Any]]:
    return [change["marketDefinition"] for change in changes(recipe) if "marketDefinition" in change]


# Bytes ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("python", PYTHONS, ids=lambda found: found.version)
def test_the_samples_are_the_same_bytes_on_every_python(python: Any) -> None:
    done = subprocess.run(
        [python.path, "-S", "-B", "-c", QUESTION, str(HERE.parent)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": "random"},
        check=True,
    )
    assert dict(line.split() for line in done.stdout.splitlines()) == PINNED


@pytest.mark.parametrize("name", SAMPLE_RECIPES)
def test_the_committed_samples_are_what_the_generator_writes(name: str) -> None:
    content = (paths.bundled_folder("sample_data") / name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == PINNED[name]


def test_the_committed_samples_are_less_than_4_megabytes() -> None:
    assert sum((paths.bundled_folder("sample_data") / name).stat().st_size for name in SAMPLE_RECIPES) < 4_000_000


def test_another_seed_gives_another_market() -> None:
    one, two = ("".join(stream_lines(Recipe(seed=seed, updates=50))) for seed in (1, 2))
    assert one != two


# The life of a market ------------------------------------------------------------------------------------------------


def test_a_market_opens_is_suspended_turns_in_play_and_closes() -> None:
    found = [(d["status"], d["inPlay"], d["bspReconciled"]) for d in definitions(EVERYTHING)]
    course = [state for state, before in zip(found, [None, *found], strict=False) if state != before]
    assert course == [
        ("OPEN", False, False),
        ("SUSPENDED", False, False),
        ("OPEN", False, False),
        ("SUSPENDED", False, False),
        ("SUSPENDED", False, True),
        ("OPEN", True, True),
        ("SUSPENDED", True, True),
        ("OPEN", True, True),
        ("SUSPENDED", True, True),
        ("CLOSED", True, True),
    ]


def test_final_definition_has_one_winner_and_the_removed_runner_is_no_loser() -> None:
    last = definitions(EVERYTHING)[-1]
    assert Counter(runner["status"] for runner in last["runners"]) == {"WINNER": 1, "LOSER": 4, "REMOVED": 1}
    assert last["numberOfActiveRunners"] == 0
    assert "settledTime" in last
    assert all(("bsp" in runner) == (runner["status"] != "REMOVED") for runner in last["runners"])
    assert all(("removalDate" in runner) == (runner["status"] == "REMOVED") for runner in last["runners"])


def test_versions_and_times_only_go_forward() -> None:
    versions = [definition["version"] for definition in definitions(EVERYTHING)]
    assert versions == sorted(set(versions))
    times = [message["pt"] for message in messages(EVERYTHING)]
    assert times == sorted(times)


def test_the_market_turns_in_play_at_its_market_time() -> None:
    before, after = (
        message["pt"]
        for pair in pairwise(messages(EVERYTHING))
        if pair[1]["mc"][0].get("marketDefinition", {}).get("status") == "SUSPENDED"
        and pair[0]["pt"] < 1_780_311_600_000 <= pair[1]["pt"]
        for message in pair
    )
    assert before < 1_780_311_600_000 == after


def test_a_removed_runner_is_never_heard_of_again() -> None:
    gone: set[int] = set()
    for change in changes(EVERYTHING):
        assert not gone & {runner["id"] for runner in change["rc"] if "marketDefinition" not in change}
        definition = change.get("marketDefinition")
        gone |= {r["id"] for r in definition["runners"] if r["status"] == "REMOVED"} if definition else set()
    assert len(gone) == 1


def test_traded_volume_is_cumulative_with_some_corrections() -> None:
    traded: dict[tuple[int, float], float] = {}
    up = down = 0
    for change in changes(Recipe(seed=6, runners=5, updates=4000)):
        for runner in change["rc"]:
            for price, size in runner.get("trd", ()):
                before = traded.get((runner["id"], price), 0.0)
                up, down = up + (size > before), down + (size < before)
                traded[runner["id"], price] = size
            if "tv" in runner:
                total = sum(size for (selection, _), size in traded.items() if selection == runner["id"])
                assert runner["tv"] == pytest.approx(total, abs=0.005)
    assert 0.02 < down / (up + down) < 0.12  # 5.7 % in the real files


@pytest.mark.parametrize("wanted", [1.0, 2.0, 3.5])
def test_number_of_changed_runners_follows_the_recipe(wanted: float) -> None:
    recipe = Recipe(seed=7, runners=14, updates=4000, changed_runners=wanted)
    counts = [len({runner["id"] for runner in c["rc"]}) for c in changes(recipe) if "marketDefinition" not in c][1:]
    assert sum(counts) / len(counts) == pytest.approx(wanted, rel=0.08)


def test_prices_are_those_of_betfairs_ladder() -> None:
    assert (PRICES[0], PRICES[-1], len(PRICES)) == ("1.01", "1000", 350)
    assert tuple(sorted(set(TICKS))) == TICKS
    seen = {
        str(price)
        for line in stream_lines(EVERYTHING)
        for change in json.loads(line, parse_float=str, parse_int=str)["mc"]
        for runner in change["rc"]
        for side in ("atb", "atl", "trd")
        for price, _ in runner.get(side, ())
    }
    assert seen <= set(PRICES)


def test_levels_are_ten_at_most_and_hold_the_best_prices() -> None:
    books: dict[tuple[int, str], dict[int, float]] = {}
    for change in changes(Recipe(seed=8, runners=3, updates=1500, ladder="levels")):
        for runner in change["rc"]:
            for side in ("batb", "batl"):
                levels = books.setdefault((runner["id"], side), {})
                for level, price, size in runner.get(side, ()):
                    assert 0 <= level < 10
                    if size:
                        levels[level] = price
                    else:
                        levels.pop(level, None)
                prices = [levels[level] for level in sorted(levels)]
                assert sorted(levels) == list(range(len(levels)))
                assert levels
                assert prices == sorted(prices, reverse=side == "batb")
            assert "atb" not in runner


# What the real library makes of it -----------------------------------------------------------------------------------


def replayed(path: Path) -> list[Any]:
    client = betfairlightweight.APIClient("x", "x", "x")
    stream = client.streaming.create_historical_generator_stream(str(path), StreamListener(max_latency=None))
    return [book for books in stream.get_generator()() for book in books]


def read(offer: Any, field: str) -> float:
    """A field of an offer: a dict where another test of this process has imported flumine, which replaces the classes of offers."""
    return float(offer[field] if isinstance(offer, dict) else getattr(offer, field))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**40),
    runners=st.integers(3, 20),
    updates=st.integers(40, 400),
    bsp=st.booleans(),
    in_play=st.booleans(),
    removal=st.booleans(),
    share=st.floats(0, 1),
)
def test_betfairlightweight_replays_every_recipe_without_a_crossed_book(
    tmp_path: Path, seed: int, runners: int, updates: int, bsp: bool, in_play: bool, removal: bool, share: float
) -> None:
    recipe = Recipe(seed, runners, updates, bsp, in_play, removal, "full", 1 + share * (runners - 1))
    path = tmp_path / "market"
    path.write_text("".join(stream_lines(recipe)))
    books = replayed(path)
    assert len(books) == updates
    for book in books:
        assert len(book.runners) == runners
        for runner in book.runners:
            backs, lays = runner.ex.available_to_back, runner.ex.available_to_lay
            if backs and lays:
                assert read(backs[0], "price") < read(lays[0], "price")
            assert all(read(offer, "size") > 0 for offer in (*backs, *lays))
    assert books[-1].status == "CLOSED"


def test_the_overround_of_a_generated_market_is_near_100_percent(tmp_path: Path) -> None:
    path = tmp_path / "market"
    path.write_text("".join(stream_lines(Recipe(seed=3, runners=8, updates=300))))
    book = replayed(path)[150]
    lays = [1 / read(runner.ex.available_to_lay[0], "price") for runner in book.runners]
    backs = [1 / read(runner.ex.available_to_back[0], "price") for runner in book.runners]
    assert 0.85 < sum(lays) < sum(backs) < 1.2


# The command ---------------------------------------------------------------------------------------------------------


def test_command_writes_the_recipe_and_never_over_a_file(tmp_path: Path) -> None:
    options = ("--seed", "5", "--runners", "6", "--updates", "900", "--bsp", "--in-play", "--removal")
    done = perfbench("data", "generate", "market", *options, "--changed-runners", "2.5", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("wrote market: 900 updates, ")
    assert (tmp_path / "market").read_text() == "".join(stream_lines(EVERYTHING))
    again = perfbench("data", "generate", "market", folder=tmp_path)
    assert again.returncode == 2
    assert "market already exists\nhint: choose a different name or add --force" in one_line(again.stderr)
    assert perfbench("data", "generate", "market", "--force", "--updates", "40", folder=tmp_path).returncode == 0
    assert [path.name for path in tmp_path.iterdir() if path.name != "tmp"] == ["market"]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--runners", "1"), "--runners 1: a market has 2 to 60 runners"),
        (("--updates", "19"), "--updates 19: a market needs at least 20 updates"),
        (("--markets", "0"), "--markets 0: must be at least 1"),
        (("--changed-runners", "11"), "--changed-runners 11: must be between 1 and the number of runners"),
        (("--runners", "2", "--removal"), "--removal needs --runners 3 or more"),
    ],
)
def test_a_recipe_that_cannot_be_cooked_is_one_line(tmp_path: Path, options: tuple[str, ...], complaint: str) -> None:
    done = perfbench("data", "generate", "market", *options, folder=tmp_path)
    assert done.returncode == 2
    assert complaint in one_line(done.stderr)
    assert not (tmp_path / "market").exists()


def test_recipes_refuse_nonsense_in_code_too() -> None:
    with pytest.raises(UsageProblem):
        Recipe(runners=61)


def test_market_over_a_pipe_or_a_link_is_written_into_it(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("target")
    for name in ("pipe", "link"):
        done = perfbench("data", "generate", name, "--force", "--seed", "5", "--updates", "60", folder=tmp_path)
        assert done.returncode == 0, done.stderr
    assert is_fifo(tmp_path / "pipe")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == reader.content() != b""


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = perfbench("data", "generate", "file/market", folder=tmp_path)
    assert done.returncode == 5
    assert "file/market cannot be written" in one_line(done.stderr)


@pytest.mark.parametrize("suffix", [".bz2", ".gz", ".xz"])
def test_file_named_as_packed_is_packed_with_the_same_bytes_for_the_same_seed(tmp_path: Path, suffix: str) -> None:
    lines = "".join(stream_lines(Recipe(seed=3, updates=200))).encode()
    opened = {".bz2": bz2.decompress, ".gz": gzip.decompress, ".xz": lzma.decompress}[suffix]
    first, second = tmp_path / f"first{suffix}", tmp_path / f"second{suffix}"
    for path in (first, second):
        write_market(Recipe(seed=3, updates=200), path)
    assert opened(first.read_bytes()) == lines
    assert first.read_bytes() == second.read_bytes()
