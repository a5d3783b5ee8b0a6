"""The scenario caching: one answer in all caches, the states that a real library sees, and traps seen to be traps."""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import betfairlightweight
import pytest
from betfairlightweight.streaming.listener import StreamListener
from hypothesis import given
from hypothesis import strategies as some
from support.command_line import QUICK, perfbench
from support.installation import Installed
from support.scenarios import import_shipped, scenario_path

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.errors import TrialFailed
from perfbench.model import Environment
from perfbench.runner.worker_process import WorkerProcess
from perfbench.worker.protocol import OutputDigest, PassMeasurement, Ready, Request

CACHING = import_shipped("caching")
READS = import_shipped("_reads")

HERE = Environment("here", sys.executable)
OWN = (
    "advised_lru_method",
    "unbounded_lru_method",
    "lru_cache",
    "plain_dict",
    "last_answer",
    "dict_on_instance",
    "advised_ttl",
    "ttl_market_clock",
)
RECIPES = {
    "full depth": Recipe(seed=31, runners=5, updates=600, bsp=True, in_play=True, removal=True),
    "levels": Recipe(seed=32, runners=3, updates=600, in_play=True, ladder="levels"),
}


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two markets in one file."""
    path = tmp_path_factory.mktemp("caching") / "markets"
    write_market(Recipe(seed=33, runners=5, updates=1_500, in_play=True, removal=True, markets=2), path)
    return path


@pytest.fixture(scope="module")
def prices_only(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as BASIC ones are: last prices and nothing else."""
    path = tmp_path_factory.mktemp("caching") / "prices"
    changes = [{"id": "1.1", "rc": [{"id": 7, "ltp": price}]} for price in (2.0, 2.02, 2.0, 1.99)]
    lines = [json.dumps({"op": "mcm", "pt": 1000 * number, "mc": [change]}) for number, change in enumerate(changes)]
    path.write_text("\n".join(lines) + "\n")
    return path


def asked(task: str, market: Path, mode: str, where: Environment = HERE, **parameters: Any) -> WorkerProcess:
    scenario = str(scenario_path("caching"))
    return WorkerProcess(
        where, Request(task, scenario, mode, str(market), {"cost_us": 1, **parameters}), hash_seed=0, timeout=100
    )


def answers(market: Path, mode: str, where: Environment = HERE, **parameters: Any) -> OutputDigest:
    with asked("check", market, mode, where, **parameters) as worker:
        said = worker.expect(OutputDigest)
        worker.end()
    return said


def numbers(market: Path, mode: str, where: Environment = HERE, **parameters: Any) -> dict[str, float]:
    """What a timed pass of the mode says of its cache."""
    with asked("time", market, mode, where, **parameters) as worker:
        worker.expect(Ready)
        worker.go()
        said = worker.expect(PassMeasurement)
        worker.end()
    return said.numbers


def refused(market: Path, mode: str, **parameters: Any) -> TrialFailed:
    """Why a pass could not be made."""
    with asked("check", market, mode, **parameters) as worker, pytest.raises(TrialFailed) as failed:
        worker.expect(OutputDigest)
    return failed.value


# What is read -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RECIPES)
def test_the_best_prices_are_those_of_the_books_of_a_real_library(tmp_path: Path, name: str) -> None:
    path = tmp_path / "market"
    write_market(RECIPES[name], path)
    listener = StreamListener(lightweight=True, max_latency=None)
    stream = betfairlightweight.APIClient("a", "b", "c").streaming.create_historical_generator_stream(path, listener)
    expected = []
    for (book,) in stream.get_generator()():
        for runner in book["runners"]:
            sides = [runner["ex"]["availableToBack"], runner["ex"]["availableToLay"]]
            if all(sides):
                pair = tuple(round(side[0]["price"] * 100) for side in sides)
                expected.append((book["streaming_update"]["img"] is None, book["publishTime"], pair))
    found = READS.reads_of(str(path), "best", "all")
    assert sorted((read.published, read.key) for read in found) == sorted(item[1:] for item in expected)
    assert len({read.runner for read in found}) == RECIPES[name].runners


def test_a_strategy_that_looks_at_fewer_runners_asks_less(market: Path) -> None:
    counts = [len(READS.reads_of(str(market), "price", runners)) for runners in ("traded", "changed", "all")]
    assert 0 < counts[0] < counts[1] < counts[2]


def test_a_coarser_key_comes_again_more_often(market: Path) -> None:
    ratios = [
        numbers(market, "plain_dict", key=key, runners="traded")["hit_ratio"] for key in ("exact", "best", "price")
    ]
    assert ratios == sorted(ratios)
    assert ratios[0] < 0.05
    assert ratios[-1] > 0.5


def test_the_ladder_has_350_prices_from_1_01_to_1000() -> None:
    assert (len(READS.TICKS), READS.TICKS[0], READS.TICKS[-1]) == (350, 101, 100_000)
    assert sorted(set(READS.TICKS)) == READS.TICKS


def test_cost_of_the_model_does_not_change_the_reads_so_that_the_hit_ratio_stays(market: Path) -> None:
    cheap, costly = (numbers(market, "plain_dict", reads=200, cost_us=cost) for cost in (1, 200))
    assert (cheap["hit_ratio"], cheap["entries"]) == (costly["hit_ratio"], costly["entries"])


def test_reads_that_would_take_over_a_minute_are_refused_with_a_number_that_does_not(market: Path) -> None:
    said = refused(market, "none", reads=2_000, cost_us=100_000)
    assert not said.unavailable
    assert "2,000 reads of 100000 µs take 200 s without a cache: --set reads=600 or fewer" in str(said)


# What the advice says ---------------------------------------------------------------------------------------------------


def stream_of_keys(keys: Sequence[int], model: Callable[[Any], float] = lambda key: float(key[0])) -> Any:
    """A read of each key, a second apart, and a model whose answer is the key."""
    reads = [READS.Read(1000 * number, 0, (key,)) for number, key in enumerate(keys)]
    return READS.Stream(reads, model, (1.0,), 1.0, 30.0)


def test_advised_method_computes_once_for_each_model_hash_and_parameters_and_keeps_128_answers() -> None:
    """One model: 128 states fit, and the state after them drops the one that was read longest ago."""
    computed: list[int] = []

    def model(key: tuple[int]) -> float:
        computed.append(key[0])
        return key[0] / 2

    order = [*range(128), 0, 128, 0, 1]
    work = CACHING.advised_lru_method(stream_of_keys(order, model), instances=1, state_kib=0)
    assert list(work.output) == [key / 2 for key in order]
    assert computed == [*range(128), 128, 1]
    assert work.numbers["entries"] == 128
    computed.clear()
    CACHING.advised_lru_method(stream_of_keys([5] * 8, model), instances=4, state_kib=0)
    assert computed == [5] * 4  # each model has its own answers


def test_advised_method_keeps_the_models_whose_answers_are_the_last_128() -> None:
    """50 models with 26 states each: four of them fill 104 places and a fifth one the last 24. With 800 states each one is left."""
    for states, kept in ((26, 5), (128, 1), (800, 1)):
        order = [state for _ in range(50) for state in range(states)]
        bounded, unbounded, own = (
            mode(stream_of_keys(order), instances=50, state_kib=1).numbers["kept_alive"]
            for mode in (CACHING.advised_lru_method, CACHING.unbounded_lru_method, CACHING.dict_on_instance)
        )
        assert (bounded, unbounded, own) == (kept, 50, 0)


def test_advised_method_takes_two_states_with_one_hash_for_the_same() -> None:
    assert hash((-1,)) == hash((-2,))
    answers = CACHING.advised_lru_method(stream_of_keys([-1, -2]), instances=1, state_kib=0).output
    assert list(answers) == [-1.0, -1.0]


def test_advised_time_to_live_is_two_dicts_by_the_computers_clock_for_30_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(CACHING.time, "time", lambda: now)
    cache = CACHING.AdvisedTtl(lambda key: now + key[0], 30.0)
    assert cache.price((1,)) == 1001.0
    now = 1029.9
    assert cache.price((1,)) == 1001.0
    assert cache.price((2,)) == 1031.9
    assert (cache.values, cache.expiry) == ({(1,): 1001.0, (2,): 1031.9}, {(1,): 1030.0, (2,): 1059.9})
    now = 1030.0
    assert cache.price((1,)) == 1031.0
    now = 9999.0
    assert cache.price((3,)) == 10002.0
    assert set(cache.values) == set(cache.expiry) == {(1,), (2,), (3,)}  # the expired ones are still there


def test_advised_modes_are_those_of_the_claims_with_their_defaults() -> None:
    notes = [claim for claim in CACHING.CLAIMS if claim.source == "community notes"]
    assert [(claim.before, claim.after) for claim in notes] == [("none", "advised_lru_method"), ("none", "advised_ttl")]
    assert inspect.signature(CACHING.stream).parameters["ttl_s"].default == 30.0


# What a cache does ------------------------------------------------------------------------------------------------------


def test_table_confirms_equal_answers_and_shows_the_size_of_a_cache(tmp_path: Path, market: Path) -> None:
    chosen = [option for mode in ("none", "lru_cache", "advised_lru_method") for option in ("--mode", mode)]
    small = ("--set", "reads=2000", "--set", "cost_us=1")
    done = perfbench("run", "caching", *QUICK, "--data", market, *small, *chosen, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    same = dict(re.findall(r"^[ !] (\w+) .*\b(yes|no)$", done.stdout, re.MULTILINE))
    assert same == {"lru_cache": "yes", "advised_lru_method": "yes"}
    assert re.search(r"hit ratio +stale +entries +kept +kept alive", done.stdout)


def test_every_cache_gives_the_answers_of_the_model(market: Path) -> None:
    model = answers(market, "none")
    assert model.updates == len(READS.reads_of(str(market), "best", "changed"))
    for mode in OWN:
        assert answers(market, mode).digest == model.digest, mode


@pytest.mark.parametrize("key", ["exact", "sizes", "price", "drift"])
def test_the_answers_are_the_same_for_every_key(market: Path, key: str) -> None:
    said = {answers(market, mode, key=key, maxsize=16).digest for mode in ("none", "lru_cache", "last_answer")}
    assert len(said) == 1


def test_hits_entries_and_bytes_are_those_of_the_cache(market: Path) -> None:
    keys = [read.key for read in READS.reads_of(str(market), "best", "changed")]
    every, bounded = (numbers(market, "lru_cache", maxsize=maxsize) for maxsize in (0, 8))
    assert every["entries"] == len(set(keys))
    assert every["hit_ratio"] == pytest.approx(1 - len(set(keys)) / len(keys))
    assert bounded["entries"] == 8
    assert bounded["hit_ratio"] < every["hit_ratio"]
    assert 0 < bounded["kept_bytes"] < every["kept_bytes"]
    assert numbers(market, "none")["hit_ratio"] == numbers(market, "none")["kept_bytes"] == 0
    assert numbers(market, "last_answer")["entries"] == 10


def test_objects_shared_by_two_containers_are_counted_once() -> None:
    big = bytearray(1_000_000)
    assert 1_000_000 < READS.held_bytes({"one": big, "two": [big]}) < 1_010_000


@given(some.lists(some.tuples(some.integers(0, 3), some.integers(0, 4)), max_size=60), some.integers(0, 5))
def test_answer_with_a_time_to_live_is_never_older_and_an_insertion_drops_expired_ones(
    steps: list[tuple[int, int]], ttl: int
) -> None:
    now = 0
    cached, known = CACHING.with_ttl(lambda key: float(now), ttl)
    for key, later in steps:
        now += later
        made = cached((key,), now)
        assert made == now or now - made < ttl
        if made == now:
            assert all(expires > now for _, expires in known.values())


# Traps ------------------------------------------------------------------------------------------------------------------


def test_wall_clock_expires_nothing_in_a_replay(market: Path) -> None:
    wall, market_clock, never = (
        numbers(market, mode, ttl_s=30) for mode in ("advised_ttl", "ttl_market_clock", "plain_dict")
    )
    assert wall["stale_share"] == never["stale_share"] > 0.2
    assert market_clock["stale_share"] == 0
    assert market_clock["hit_ratio"] < wall["hit_ratio"] == never["hit_ratio"]


def test_a_cache_that_never_evicts_keeps_what_nobody_may_read(market: Path) -> None:
    evicts, never = (numbers(market, mode, key="sizes", ttl_s=5) for mode in ("ttl_market_clock", "advised_ttl"))
    assert never["entries"] > 20 * evicts["entries"]
    assert never["kept_bytes"] > 20 * evicts["kept_bytes"]


def test_lru_cache_without_a_limit_keeps_every_instance_alive_and_a_dict_on_the_instance_none(market: Path) -> None:
    method, own = (numbers(market, mode, state_kib=64) for mode in ("unbounded_lru_method", "dict_on_instance"))
    assert method["kept_alive"] == 50
    assert method["kept_bytes"] > 50 * 64 * 1024
    assert (own["kept_alive"], own["kept_bytes"]) == (0, 0)
    assert own["hit_ratio"] == method["hit_ratio"]


def test_check_detects_the_hash_collision_of_minus_two_and_minus_one(market: Path) -> None:
    drifts = {read.key for read in READS.reads_of(str(market), "drift", "changed")}
    assert {(-1,), (-2,)} <= drifts
    wrong, right = (answers(market, mode, key="drift", instances=1) for mode in ("advised_lru_method", "none"))
    assert wrong.updates == right.updates
    assert wrong.digest != right.digest
    assert answers(market, "advised_lru_method", key="best").digest == answers(market, "none", key="best").digest


# What is missing --------------------------------------------------------------------------------------------------------


def test_file_without_offers_is_not_available_for_best_prices_but_for_last_prices(prices_only: Path) -> None:
    said = refused(prices_only, "none")
    assert said.unavailable
    assert str(said) == "prices never has the values of the key best: choose another file or another key"
    assert answers(prices_only, "plain_dict", key="price").updates == 4
    assert numbers(prices_only, "plain_dict", key="price")["hit_ratio"] == 0.25


def test_unknown_key_is_refused_with_the_list_of_valid_keys(market: Path) -> None:
    said = refused(market, "none", key="mood")
    assert not said.unavailable
    assert "key=mood, runners=changed: key is one of exact, sizes, price, best, drift" in str(said)


def test_instances_are_not_created_if_memory_is_insufficient(market: Path) -> None:
    said = refused(market, "advised_lru_method", state_kib=1 << 32)
    assert said.unavailable
    assert "50 instances with 4,294,967,296 KiB of state need" in str(said)


# Packages ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Installed(tmp_path_factory.mktemp("packages")).environment("cachetools==6.2.6", "joblib==1.5.3")


def test_the_caches_of_packages_agree_with_ours(market: Path, packages: Environment) -> None:
    few: Any = {"reads": 300, "ttl_s": 5, "maxsize": 0}
    model = answers(market, "none", **few)
    hits: list[Sequence[float]] = []
    for mode, own in (("cachetools_ttl", "ttl_market_clock"), ("joblib_memory", "plain_dict")):
        assert answers(market, mode, packages, **few).digest == model.digest
        theirs, ours = numbers(market, mode, packages, **few), numbers(market, own, **few)
        assert [theirs[name] for name in ("hit_ratio", "stale_share")] == [ours["hit_ratio"], ours["stale_share"]]
        hits.append([theirs["hit_ratio"], theirs["entries"], theirs["kept_bytes"]])
    assert all(number > 0 for row in hits for number in row)
