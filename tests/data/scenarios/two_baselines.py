"""Which is the baseline?"""

from perfbench import mode


@mode(baseline=True)
def one():
    return 1


@mode(baseline=True)
def two():
    return 1
