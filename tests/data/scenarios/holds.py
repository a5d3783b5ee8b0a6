"""How much does a tick hold?"""

from holder import HELD

from perfbench import Metric, Work, mode

UNIT = "ticks"
METRICS = {"bytes_per_tick": Metric("bytes")}


@mode(baseline=True)
def plain():
    sum(range(300_000))
    return Work(1000) if HELD < 0 else Work(1000, bytes_per_tick=HELD)
