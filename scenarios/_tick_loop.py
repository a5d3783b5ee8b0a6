"""A backtest on ticks only: a loop over markets, one strategy, bets and profit in whole hundredths."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from typing import Any, Deque, Dict, Iterable, Iterator, List, Tuple

from perfbench import Work

Tick = Tuple[int, int, int, int]
"""Time in ms, runner, price, size."""

LOOK_BACK = 10
MOVED_PERCENT = 3
HELD = 20
STAKE = 200


def backtested(markets: Iterable[Tuple[str, Iterable[Tick]]]) -> Work:
    """Backtest these markets, named by id, as they come; ``read_ms`` is the CPU time of reading the ticks of one.

    The output has one item for each market: its bets and its profit.
    """
    done: List[Dict[str, Any]] = []
    reading = 0
    coming = iter(markets)
    while True:
        start = time.process_time_ns()
        entry = next(coming, None)
        ticks = list(entry[1]) if entry is not None else []
        reading += time.process_time_ns() - start
        if entry is None:
            break
        bets = list(momentum(ticks))
        done.append({"market": entry[0], "ticks": len(ticks), "profit": sum(bet[-1] for bet in bets), "bets": bets})
    done.sort(key=lambda market: str(market["market"]))
    return Work(
        len(done),
        output=done,
        read_ms=reading / 1e6 / max(1, len(done)),
        bets=sum(len(market["bets"]) for market in done),
        profit=sum(market["profit"] for market in done) / 100,
    )


def momentum(ticks: Iterable[Tick]) -> Iterator[Tuple[int, int, int, int, int]]:
    """Back a runner whose price fell by 3 % within ten trades, and hedge twenty trades later, or at its last one.

    A bet is its time, runner, price, the price of the hedge, and its profit: stake times (price − hedge) / hedge, whoever wins.
    """
    last: Dict[int, Deque[int]] = defaultdict(lambda: deque(maxlen=LOOK_BACK))
    held: Dict[int, List[int]] = {}
    for now, runner, price, _ in ticks:
        prices = last[runner]
        bet = held.get(runner)
        if bet is not None:
            bet[2] += 1
            if bet[2] == HELD:
                yield closed(runner, bet, price)
                del held[runner]
        elif len(prices) == LOOK_BACK and price * 100 <= prices[0] * (100 - MOVED_PERCENT):
            held[runner] = [now, price, 0]
        prices.append(price)
    for runner, bet in held.items():
        yield closed(runner, bet, last[runner][-1])


def closed(runner: int, bet: List[int], hedge: int) -> Tuple[int, int, int, int, int]:
    """A bet as it ended."""
    return bet[0], runner, bet[1], hedge, round(STAKE * (bet[1] - hedge) / hedge)
