"""What does a mode report of itself?"""

from perfbench import Metric, Work, mode

UNIT = "ticks"
METRICS = {
    "bytes_per_tick": Metric("bytes"),
    "hit_ratio": Metric("share", better="higher"),
    "pause_ms": Metric("ms"),
    "left": Metric(""),
}


@mode(baseline=True)
def keeps(*, growth: float = 96.0):
    """Keeps everything."""
    return Work(1000, seconds=0.5, bytes_per_tick=growth, hit_ratio=0.25, pause_ms=12.5, left=0.0, other=7.0)


@mode
def drops(*, growth: float = 96.0):
    """Drops everything."""
    return Work(1000, seconds=0.5, bytes_per_tick=0.0, hit_ratio=0.975, pause_ms=12.5, left=3.0)
