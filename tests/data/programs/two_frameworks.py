"""Runs two simulations, one after the other."""

import sys

from releases import choose_markets, make_framework
from strategies import LIMITS, BackTheFavourite, LayTheOutsider

for kind in (BackTheFavourite, LayTheOutsider):
    framework = make_framework()
    framework.add_strategy(kind(**choose_markets(sys.argv[1:] or ["data/1.1"]), **LIMITS))
    framework.run()
