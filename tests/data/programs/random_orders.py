"""Places other orders at each run."""

import random
import sys

from releases import choose_markets, make_framework
from strategies import LIMITS, BackTheFavourite

framework = make_framework()
context = {"stake": round(random.uniform(2, 10), 2), "every": random.uniform(20, 40)}
framework.add_strategy(BackTheFavourite(**choose_markets(sys.argv[1:] or ["data/1.1"]), context=context, **LIMITS))
framework.run()
