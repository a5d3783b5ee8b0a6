"""Which function executes how many instructions?"""

from perfbench import mode, setup

UNIT = "turns"


def spin(steps):
    total = 0
    for step in range(steps):
        total += step
    return total


def climb(turns):
    for turn in range(turns):
        yield turn * turn


def deep(levels):
    return levels and 1 + deep(levels - 1)


class Mill:
    def grind(self, grains):
        return sorted(map(str, range(grains)))


@setup
def warm():
    """All of them run before the pass too: what was called once must be counted from the pass on."""
    spin(5), deep(5), Mill().grind(5)
    climbing = climb(3)
    next(climbing)
    return climbing


@mode(baseline=True)
def turns(warm, *, visits: int = 100, steps: int = 200, levels: int = 50, grains: int = 200):
    for _ in range(visits):
        spin(steps)
    for _ in climb(80):
        pass
    for _ in warm:
        pass
    for _ in range(20):
        deep(levels)
    Mill().grind(grains)
    return 100
