"""From how many periods on does a running sum pay?"""

from perfbench import NotAvailable, Work, mode

UNIT = "updates"


@mode(baseline=True)
def sum_each(*, periods: int = 10, kind: str = "plain"):
    """Adds up all periods at every update."""
    return Work(100, seconds=0.001 * periods)


@mode
def running(*, periods: int = 10):
    """Adds the new one and subtracts the oldest."""
    return Work(100, seconds=0.067)


@mode
def cached(*, periods: int = 10):
    """Pays in the middle only: 12 and 340 periods cost as much as the baseline."""
    return Work(100, seconds=0.001 * periods * max(12 / periods, periods / 340))


@mode
def small_only(*, periods: int = 10):
    """Has no room for more than 100 periods."""
    if periods > 100:
        raise NotAvailable("room for so many periods")
    return Work(100, seconds=0.002 * periods)
