"""How small is it?"""

from perfbench import Work, mode

QUICK = {"ticks": 10}


@mode(baseline=True)
def counted(*, ticks: int = 1000):
    return Work(ticks, seconds=0.001 * ticks)


@mode
def counted_twice(*, ticks: int = 1000):
    return Work(ticks, seconds=0.002 * ticks)
