"""Is a pass that is some times shorter repeated beside the longer one?"""

from perfbench import mode


def burn(steps):
    total = 0
    for step in range(steps):
        total += step * step
    return 1


@mode(baseline=True)
def light():
    return burn(400_000)


@mode
def heavy():
    return burn(1_600_000)
