"""How many objects did the collector free?"""

from perfbench import Metric, Work, mode

UNIT = "ticks"
METRICS = {"freed": Metric("objects", better="neither")}


@mode(baseline=True)
def few():
    return Work(1000, seconds=0.5, freed=10.0)


@mode
def many():
    return Work(1000, seconds=0.5, freed=30.0)
