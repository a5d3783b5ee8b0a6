"""Small functions without knowledge of benchmarks: atomic files, paths, number formatting, suggestions.

Anything that knows a noun of ``model`` belongs elsewhere.
"""
