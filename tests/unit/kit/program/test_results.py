"""Results of simulations: events that do not depend on how the work was shared out."""

from __future__ import annotations

from typing import Any

import pytest

from perfbench.kit.program.results import SimulationResult, build_work, iterate_events


def order(
    market: str, time: int | None, strategy: str = "Back", profit: float | None = 1.0, **fields: Any
) -> dict[str, Any]:
    return {"time": time, "strategy": strategy, "market": market, "matched": 2.0, "profit": profit, **fields}


def ended(market: str, time: int | None = 900, refused: int = 0) -> dict[str, Any]:
    return {"market": market, "closed": time is not None, "time": time, "refused": refused}


def result(
    orders: list[dict[str, Any]],
    markets: list[dict[str, Any]],
    updates: int = 100,
    process: int = 1,
    started: float = 0.0,
) -> SimulationResult:
    return SimulationResult(updates, 0.5, started, started + 1.0, orders, markets, process)


FIRST = [order("1.1", 10), order("1.1", 10, "Lay", -3.0), order("1.1", 20, "Lay")]
SECOND = [order("1.2", 5, profit=0.1), order("1.2", 15, profit=0.2)]


def test_events_are_sorted_by_market_and_time_and_end_with_sums() -> None:
    events = list(iterate_events([result([*SECOND, *FIRST], [ended("1.2"), ended("1.1", 800)])]))
    assert [(event["market"], event["time"], len(event["orders"])) for event in events] == [
        ("1.1", 10, 2),
        ("1.1", 20, 1),
        ("1.1", 800, 0),
        ("1.2", 5, 1),
        ("1.2", 15, 1),
        ("1.2", 900, 0),
        ("all", None, 0),
    ]
    assert events[2]["markets"] == [{"orders": 3, "refused": 0, "matched": 6.0, "profit": -1.0}]
    assert events[5]["markets"] == [{"orders": 2, "refused": 0, "matched": 4.0, "profit": 0.3}]
    assert events[6]["markets"] == [{"orders": 5, "refused": 0, "matched": 10.0, "profit": -0.7}]
    assert all("time" not in placed for event in events for placed in event["orders"])


def test_events_are_the_same_however_strategies_files_and_processes_are_shared_out() -> None:
    together = [result([*FIRST, *SECOND], [ended("1.1"), ended("1.2")])]
    by_file = [result(SECOND, [ended("1.2")], process=2), result(FIRST, [ended("1.1")], process=3)]
    by_strategy = [
        result([made for made in (*FIRST, *SECOND) if made["strategy"] == name], [ended("1.1"), ended("1.2")])
        for name in ("Lay", "Back")
    ]
    assert list(iterate_events(by_file)) == list(iterate_events(together))
    assert list(iterate_events(by_strategy)) == list(iterate_events(together))


def test_order_of_the_orders_of_a_time_does_not_matter() -> None:
    markets = [ended("1.1")]
    assert list(iterate_events([result(FIRST, markets)])) == list(iterate_events([result(FIRST[::-1], markets)]))


def test_market_without_orders_leaves_no_trace_and_one_with_refused_orders_does() -> None:
    events = list(iterate_events([result([], [ended("1.1"), ended("1.2", refused=3)])]))
    assert [event["market"] for event in events] == ["1.2", "all"]
    assert events[0]["markets"][0]["refused"] == events[1]["markets"][0]["refused"] == 3


def test_profit_of_a_market_that_did_not_close_is_unknown() -> None:
    events = list(iterate_events([result([order("1.1", 10, profit=None)], [ended("1.1", None)])]))
    assert (events[1]["time"], events[1]["markets"][0]["profit"]) == (None, None)


def test_no_order_at_all_is_one_event_of_totals() -> None:
    (event,) = iterate_events([result([], [ended("1.1")])])
    assert event["markets"] == [{"orders": 0, "refused": 0, "matched": 0.0, "profit": 0.0}]


@pytest.mark.parametrize(
    "changed", [order("1.1", 21, "Lay"), order("1.1", 20, "Lay", 1.01), order("1.1", 20, "Laying")]
)
def test_time_penny_and_strategy_of_an_order_show(changed: dict[str, Any]) -> None:
    markets = [ended("1.1")]
    assert list(iterate_events([result([*FIRST[:2], changed], markets)])) != list(
        iterate_events([result(FIRST, markets)])
    )


def test_work_sums_up_all_simulations() -> None:
    work = build_work([result(FIRST, [ended("1.1")], 100, 1), result(SECOND, [ended("1.2", None)], 50, 2, 0.25)])
    assert (work.amount, work.seconds, work.per_unit) == (150, 1.0, False)
    assert work.numbers == {
        "simulations": 2,
        "processes": 2,
        "elapsed_seconds": 1.25,
        "markets": 2,
        "closed": 1,
        "orders": 5,
        "refused": 0,
        "matched": 10.0,
        "profit": -1.0,
    }
