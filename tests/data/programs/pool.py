"""Back the favourite on many market files, in a pool of processes."""

import logging
import sys
from concurrent.futures import ProcessPoolExecutor

from releases import choose_markets, make_framework
from strategies import LIMITS, BackTheFavourite

MARKETS_PER_PROCESS = 2


def run_process(markets):
    """Simulate some of the markets; returns the profit."""
    framework = make_framework()
    framework.add_strategy(BackTheFavourite(**choose_markets(markets), context={"every": 60}, **LIMITS))
    framework.run()
    return sum(order.simulated.profit for market in framework.markets for order in market.blotter)


if __name__ == "__main__":
    logging.getLogger().setLevel(logging.CRITICAL)
    all_markets = sys.argv[1:] or ["data/1.{}".format(123456780 + number) for number in range(8)]
    parts = [all_markets[i : i + MARKETS_PER_PROCESS] for i in range(0, len(all_markets), MARKETS_PER_PROCESS)]
    with ProcessPoolExecutor(max_workers=2) as pool:
        profits = [job.result() for job in [pool.submit(run_process, part) for part in parts]]
    print("Profit: {:.2f}".format(sum(profits)))
