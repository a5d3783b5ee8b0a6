"""The seeded market generator behind ``sample_data/``: stream files in Betfair's historic format, generated from a number.

The same recipe gives the same bytes on every supported Python: the only randomness is ``random.Random.random`` and
``getrandbits``, whose sequences Python promises to keep, and prices and sizes are whole ticks and pennies.
"""

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.market import stream_lines
from perfbench.datasets.generator.recipe import SAMPLE_RECIPES, Recipe

__all__ = ["SAMPLE_RECIPES", "Recipe", "stream_lines", "write_market"]
