"""Best offers derived from full ladders, with small sizes rolled up."""

from __future__ import annotations

import random

import pytest

from perfbench.exchange.replay.best_offers import ChangeReducer, MarketFields, roll_up

BEST = MarketFields(frozenset({"batb", "batl"}), 3)


@pytest.mark.parametrize(
    ("offers", "expected"),
    [
        ([], []),
        ([(3.0, 0.99)], []),
        ([(3.0, 1.0)], [(3.0, 1.0)]),
        ([(3.05, 0.5), (3.0, 10.0)], [(3.0, 10.5)]),
        ([(3.05, 0.4), (3.0, 0.3), (2.98, 0.29), (2.96, 0.01)], [(2.96, 1.0)]),
        ([(3.05, 5.0), (3.0, 0.5), (2.98, 2.0), (2.96, 0.5)], [(3.05, 5.0), (2.98, 2.5)]),
        ([(3.0, 2.0), (2.0, 2.0), (1.5, 2.0), (1.2, 2.0)], [(3.0, 2.0), (2.0, 2.0), (1.5, 2.0)]),
    ],
)
def test_sizes_below_a_pound_are_rolled_up_to_the_next_price(
    offers: list[tuple[float, float]], expected: list[tuple[float, float]]
) -> None:
    assert roll_up(offers, 3) == expected


def test_full_ladders_are_not_rolled_up() -> None:
    reducer = ChangeReducer(MarketFields(frozenset({"atb", "batb"}), 3))
    change = reducer.reduce({"id": "1.1", "rc": [{"id": 7, "atb": [[3.05, 0.5], [3.0, 10.0]]}]})
    assert change == {"id": "1.1", "rc": [{"id": 7, "atb": [[3.05, 0.5], [3.0, 10.0]], "batb": [[0, 3.0, 10.5]]}]}


def test_offer_that_shrinks_below_a_pound_moves_the_best_price() -> None:
    reducer = ChangeReducer(BEST)
    reducer.reduce({"id": "1.1", "rc": [{"id": 7, "atl": [[4.0, 5.0], [4.1, 20.0]]}]})
    change = reducer.reduce({"id": "1.1", "rc": [{"id": 7, "atl": [[4.0, 0.75]]}]})
    assert change == {"id": "1.1", "rc": [{"id": 7, "batl": [[0, 4.1, 20.75], [1, 0, 0]]}]}


def test_levels_sent_one_by_one_give_the_rolled_up_ladder() -> None:
    chance = random.Random(5)
    reducer = ChangeReducer(BEST)
    ladder: dict[float, float] = {}
    held: dict[int, list[float]] = {}
    for _ in range(500):
        price, size = chance.choice([2.0, 2.02, 2.04, 2.06, 2.08, 2.1]), chance.choice([0, 0.01, 0.4, 0.99, 1, 3.5, 20])
        ladder[price] = size
        change = reducer.reduce({"id": "1.1", "rc": [{"id": 7, "atb": [[price, size]]}]}) or {}
        for runner in change.get("rc", ()):
            held |= {level[0]: level[1:] for level in runner.get("batb", ())}
        shown = [held[level] for level in sorted(held) if held[level][1]]
        expected, total = [], 0.0
        for offered in sorted((price for price in ladder if ladder[price]), reverse=True):
            total += ladder[offered]
            if total >= 0.995:
                expected.append([offered, pytest.approx(total)])
                total = 0.0
        assert shown == expected[:3]
