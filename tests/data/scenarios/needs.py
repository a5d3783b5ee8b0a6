"""Are modes measured whose packages are not here?"""

from perfbench import Work, mode


@mode(baseline=True)
def plain():
    return Work(10, seconds=1.0)


@mode(needs=["no-such-package-of-perfbench==1.0"], group="engines")
def engine():
    return Work(10, seconds=0.1)
