"""Are packages known that are to be installed without their own needs?"""

from perfbench import Work, mode


@mode(baseline=True, needs=["packaging --no-deps"])
def alone():
    return Work(10, seconds=1.0)


@mode(needs=["packaging==0.1 --no-deps"])
def other_version():
    return Work(10, seconds=1.0)
