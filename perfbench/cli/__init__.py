"""The command line: parse, call, print, exit.

The only place that imports Typer, and the only one that writes to standard output or standard error.
"""
