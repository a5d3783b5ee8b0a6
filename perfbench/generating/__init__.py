"""The seeded market generator behind ``sample_data/``: stream files in Betfair's historic format, invented from a number.

The same recipe gives the same bytes on every supported Python: the only randomness is ``random.Random.random`` and
``getrandbits``, whose sequences Python promises to keep, and prices and sizes are whole ticks and pennies.
"""

from perfbench.generating.market import stream_lines
from perfbench.generating.recipe import SAMPLES, Recipe
from perfbench.generating.writing import write

__all__ = ["SAMPLES", "Recipe", "stream_lines", "write"]
