"""The scenario caching_live: the advised cache on a followed exchange, and ages by the market's clock at any speed."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

import pytest
from support.scenarios import import_shipped, scenario_path

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.model import Environment
from perfbench.runner.worker_process import WorkerProcess
from perfbench.worker.protocol import OutputDigest, PassMeasurement, Ready, Request

LIVE = import_shipped("caching_live")
CACHING = import_shipped("caching")
HERE = Environment("here", sys.executable)
FAST: dict[str, Any] = {"speed": 200.0, "cost_us": 1.0, "late_ms": 10_000.0}
"""The five minutes before the start of the market within 1.5 s."""


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("live") / "1.100000041"
    write_market(Recipe(seed=41, runners=4, updates=500, in_play=True), path)
    return path


def book(published: int, changed: list[int], *prices: tuple[float, float]) -> dict[str, Any]:
    """A book of runners 1, 2, …, each with a price to back and to lay (0: none)."""
    runners = [
        {
            "selectionId": number,
            "ex": {
                "availableToBack": [{"price": back, "size": 2.0}] if back else [],
                "availableToLay": [{"price": lay, "size": 2.0}] if lay else [],
            },
        }
        for number, (back, lay) in enumerate(prices, 1)
    ]
    update = {"rc": [{"id": number} for number in changed]}
    return {"publishTime": published, "streaming_update": update, "runners": runners}


def test_strategy_reads_the_model_for_changed_runners_with_both_prices_at_the_time_of_the_market() -> None:
    asked: list[tuple[Any, int]] = []

    def price(key: Any, published: int) -> float:
        asked.append((key, published))
        return float(len(asked))

    strategy = LIVE.Strategy(price, 20.0)
    strategy.put([book(5_000, [1, 2, 3], (2.0, 2.02), (3.0, 0.0), (4.0, 4.1))])
    strategy.put([book(6_500, [3], (2.0, 2.02), (3.0, 3.05), (4.1, 4.2))])
    assert asked == [((200, 202), 0), ((400, 410), 0), ((410, 420), 30_000)]
    assert [tuple(read) for read in strategy.reads] == [
        (0, 1, (200, 202)),
        (0, 3, (400, 410)),
        (30_000, 3, (410, 420)),
    ]
    assert strategy.answers == [1.0, 2.0, 3.0]


def test_oldest_answer_is_counted_from_the_read_that_computed_it() -> None:
    kept = [float("1.5"), float("2.5")]
    strategy = LIVE.Strategy(lambda key, published: kept[key[0]], 1.0)
    for published, number in ((0, 0), (10_000, 1), (29_000, 0), (31_000, 1)):
        strategy._read(published, 1, (number,))
    assert LIVE.oldest_seconds(strategy) == 29.0


def test_advised_cache_is_that_of_the_replay() -> None:
    assert inspect.getsource(LIVE.AdvisedTtl) == inspect.getsource(CACHING.AdvisedTtl)
    assert inspect.signature(LIVE.market_stream).parameters["ttl_s"].default == 30.0
    (advised,) = [claim for claim in LIVE.CLAIMS if claim.source == "community notes"]
    assert (advised.before, advised.after) == ("none", "advised_ttl")


def measured(market: Path, mode: str, task: str = "time") -> Any:
    request = Request(task, str(scenario_path("caching_live")), mode, str(market), FAST)
    with WorkerProcess(HERE, request, hash_seed=0, timeout=100) as worker:
        if task == "time":
            worker.expect(Ready)
            worker.go()
        said = worker.expect(PassMeasurement if task == "time" else OutputDigest)
        worker.end()
    return said


def test_every_way_answers_the_same_reads_of_the_exchange(market: Path) -> None:
    said = [measured(market, mode, "check") for mode in ("none", "plain_dict", "advised_ttl", "ttl_market_clock")]
    assert len({(output.digest, output.updates) for output in said}) == 1
    assert said[0].updates > 100


def test_at_200_times_the_speed_only_the_market_clock_lets_answers_expire(market: Path) -> None:
    wall, clock = (measured(market, mode).numbers for mode in ("advised_ttl", "ttl_market_clock"))
    assert wall["oldest_s"] > 60
    assert wall["stale_share"] > 0.2
    assert clock["oldest_s"] < 30
    assert clock["stale_share"] == 0
    assert clock["hit_ratio"] < wall["hit_ratio"]
