"""Estimates, intervals and tests for paired, unpaired and sequential measurements, and the verdict read off an interval.

Pure functions of numbers; NumPy only. The exact distributions are written here and cross-checked against SciPy in the tests: SciPy
would be a large dependency for three functions.
"""
