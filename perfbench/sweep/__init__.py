"""One scenario over many releases or commits (steps, trajectory, bisection), and break-even points of a swept parameter.

Pure, except ``subject``, which asks git or the package index.
"""
