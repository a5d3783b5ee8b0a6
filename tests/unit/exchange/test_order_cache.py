"""Order stream: what a client is sent of its orders."""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import Any

import pytest

from perfbench.exchange.matching.order import Order, RunnerKey
from perfbench.exchange.matching.order_manager import MarketClosed
from perfbench.exchange.stream.order_cache import OrderCache, OrderStreamOptions

MARKET = "1.1"
RUNNER = RunnerKey(MARKET, 7)
NOW = 1_600_000_000_000


def order(bet_id: str = "1", **values: Any) -> Order:
    given = {
        "account": "me", "runner": RUNNER, "side": "BACK", "order_type": "LIMIT", "price": 3.0, "size": 10.0,
        "liability": 0.0, "persistence_type": "LAPSE", "placed_at": NOW, **values,
    }  # fmt: skip
    return Order(bet_id, **given)


def changes_of(cache: OrderCache, *entries: Order | MarketClosed) -> dict[str, Any]:
    """Return the only change of a runner."""
    (market,) = cache.apply_entries(entries)
    assert market["id"] == MARKET
    (runner,) = market["orc"]
    assert runner["id"] == 7
    changes: dict[str, Any] = runner
    return changes


def test_matched_amounts_are_sent_by_price_and_only_when_they_change() -> None:
    cache = OrderCache("me", OrderStreamOptions())
    placed = order()
    assert "mb" not in changes_of(cache, placed)
    first = placed.add_fills([(3.0, 2.0)], NOW)
    assert changes_of(cache, first)["mb"] == [[3.0, 2.0]]
    second = order("2").add_fills([(3.0, 1.0), (3.1, 4.0)], NOW)
    assert changes_of(cache, second)["mb"] == [[3.0, 3.0], [3.1, 4.0]]
    assert "mb" not in changes_of(cache, first.cancel(8.0, NOW))
    assert changes_of(cache, second.void(NOW))["mb"] == [[3.0, 2.0], [3.1, 0.0]]


def test_strategies_are_partitioned_and_filtered() -> None:
    mine = order(customer_strategy_ref="a").add_fills([(3.0, 2.0)], NOW)
    other = order("2", customer_strategy_ref="b", side="LAY").add_fills([(3.0, 5.0)], NOW)
    both = OrderCache("me", OrderStreamOptions(partition_by_strategy=True))
    change = changes_of(both, mine, other)
    assert (change["mb"], change["ml"]) == ([[3.0, 2.0]], [[3.0, 5.0]])
    assert change["smc"] == {"a": {"mb": [[3.0, 2.0]]}, "b": {"ml": [[3.0, 5.0]]}}
    only = OrderCache("me", OrderStreamOptions(frozenset({"a"}), include_overall=False, partition_by_strategy=True))
    change = changes_of(only, mine, other)
    assert change["smc"] == {"a": {"mb": [[3.0, 2.0]]}}
    assert not {"mb", "ml"} & set(change)
    assert only.apply_entries([replace(mine, account="you")]) == []


def test_image_has_open_orders_and_matched_amounts_of_markets_that_are_not_closed() -> None:
    cache = OrderCache("me", OrderStreamOptions())
    finished = order("2", size=2.0).add_fills([(3.0, 2.0)], NOW)
    voided = order("3", size=2.0).add_fills([(4.0, 2.0)], NOW).void(NOW)
    cache.apply_entries([order(), finished, voided, order("4", runner=RunnerKey("1.2", 8))])
    cache.apply_entries([MarketClosed("1.2")])
    (market,) = cache.image()
    (runner,) = market["orc"]
    assert (market["id"], market["fullImage"], runner["fullImage"]) == (MARKET, True, True)
    assert [entry["id"] for entry in runner["uo"]] == ["1"]
    assert runner["mb"] == [[3.0, 2.0]]


def test_closed_market_is_reported_once_to_those_with_orders_on_it() -> None:
    cache = OrderCache("me", OrderStreamOptions())
    assert cache.apply_entries([MarketClosed(MARKET)]) == []
    cache = OrderCache("me", OrderStreamOptions())
    settled = order().lapse(NOW)
    (market,) = cache.apply_entries([settled, MarketClosed(MARKET)])
    assert market["closed"] is True
    assert [entry["id"] for runner in market["orc"] for entry in runner["uo"]] == ["1"]
    assert cache.apply_entries([MarketClosed(MARKET)]) == []
    assert cache.image() == []


def test_lapsed_order_has_its_reason_and_others_have_none() -> None:
    cache = OrderCache("me", OrderStreamOptions())
    (entry,) = changes_of(cache, order().lapse(NOW, "MKT_VERSION"))["uo"]
    assert (entry["lsrc"], entry["sl"], entry["ld"], entry["status"]) == ("MKT_VERSION", 10.0, NOW, "EC")
    (entry,) = changes_of(cache, order("2").lapse(NOW))["uo"]
    assert "lsrc" not in entry


def test_deltas_give_the_same_amounts_as_a_sum_over_all_orders() -> None:
    chance = random.Random(9)
    cache = OrderCache("me", OrderStreamOptions())
    orders: dict[str, Order] = {}
    held: dict[str, dict[float, float]] = {"mb": {}, "ml": {}}
    for number in range(400):
        bet_id = str(chance.randrange(40))
        entry = orders.get(bet_id) or order(bet_id, side=chance.choice(["BACK", "LAY"]), size=1000.0)
        step = chance.random()
        entry = entry.void(NOW) if step < 0.05 else entry.add_fills([(chance.choice([3.0, 3.05, 3.1]), 0.37)], NOW)
        orders[bet_id] = entry
        change = changes_of(cache, entry)
        for key, ladder in held.items():
            ladder.update(dict(change.get(key, ())))
        if number % 20 == 0:
            expected: dict[str, dict[float, float]] = {"mb": defaultdict(float), "ml": defaultdict(float)}
            for known in orders.values():
                for price, size in known.fills:
                    expected["mb" if known.side == "BACK" else "ml"][price] += size
            for key, ladder in held.items():
                assert {p: s for p, s in ladder.items() if s} == pytest.approx(dict(expected[key]))


def count_lines(call: Callable[[], object]) -> int:
    """Return how many lines of Python a call executes: the same on every machine."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def test_cost_of_a_change_does_not_grow_with_the_number_of_orders() -> None:
    cache = OrderCache("me", OrderStreamOptions(partition_by_strategy=True))

    def place(bet_id: str) -> None:
        cache.apply_entries([order(bet_id, size=2.0, customer_strategy_ref="s").add_fills([(3.0, 2.0)], NOW)])

    place("first")
    early = count_lines(lambda: place("early"))
    for number in range(20_000):
        place(str(number))
    assert count_lines(lambda: place("late")) == early
