"""Do parameters reach the modes and the set-ups?"""

from perfbench import Work, mode, setup


@setup
def prices(*, window: int = 10):
    yield list(range(window))


@mode(baseline=True)
def slow(prices, *, cost: float = 1.0, kind: str = "plain", extra: bool = False):
    return Work(len(prices), seconds=len(prices) * cost + extra, letters=len(kind))


@mode
def fast(prices, *, cost: float = 1.0):
    return Work(len(prices), seconds=len(prices) * cost / 4)
