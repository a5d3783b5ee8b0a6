"""Is a mode faster because it does less?"""

from perfbench import Work, mode


@mode(baseline=True)
def all_of_it():
    return Work(100, seconds=1.0)


@mode
def less():
    return Work(90, seconds=0.5)
