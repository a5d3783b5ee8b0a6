"""Back the favourite on a list of market files, in one simulation."""

import logging
import os
import sys

from releases import choose_markets, make_framework
from strategies import LIMITS, BackTheFavourite

logger = logging.getLogger()
logger.setLevel(logging.CRITICAL)

markets = sys.argv[1:] or ["data/1.123456789", "data/1.123456790"]

framework = make_framework()
framework.add_strategy(BackTheFavourite(**choose_markets(markets), context={"stake": 2.0, "every": 60}, **LIMITS))
framework.run()

for market in framework.markets:
    print("Profit: {:.2f}".format(sum(order.simulated.profit for order in market.blotter)))
    os.makedirs("results", exist_ok=True)
    with open("results/orders.txt", "a") as file:
        lines = [
            "{} {} {}\n".format(order.selection_id, order.side, order.simulated.profit) for order in market.blotter
        ]
        file.writelines(lines)
