"""Needs a package that nobody has installed."""

import pandas_of_nobody

print(pandas_of_nobody)
