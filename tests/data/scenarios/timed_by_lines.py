"""Seconds that follow from the market file alone: 1 ms a line before, 0.5 ms after."""

from perfbench import Work, mode


def replayed(market, per_line):
    with open(market, encoding="utf-8") as file:
        lines = len(file.readlines())
    return Work(lines, seconds=lines * per_line)


@mode(baseline=True)
def before(market):
    return replayed(market, 0.001)


@mode
def after(market):
    return replayed(market, 0.0005)
