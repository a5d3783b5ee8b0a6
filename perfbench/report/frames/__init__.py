"""Results as data: the samples and comparisons of a saved run as rows, as DataFrames and in notebooks.

``perfbench.results`` is the public name of all this; pandas, polars and pyarrow are imported only where they are asked for.
"""
