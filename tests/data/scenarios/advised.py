"""Does the advice hold?"""

from perfbench import Claim, Metric, Work, mode

UNIT = "trades"
METRICS = {"held_bytes": Metric("bytes"), "hits": Metric("share", better="higher")}
NOTES = "somebody's notes"
CLAIMS = [
    Claim("loop", "ring", 1.0, NOTES, text="use a ring", better="sums"),
    Claim("loop", "ring", 1.0, NOTES, metric="held_bytes", text="use a ring", better="sums"),
    Claim("ring", "sums", 5.0, NOTES, metric="hits", text="add up"),
    Claim("loop", "sums", 100.0, NOTES, text="100x by sums"),
]


@mode(baseline=True)
def loop(*, periods: int = 50):
    """Goes through all of them."""
    return Work(100, seconds=0.001 * periods, held_bytes=96.0, hits=0.1)


@mode
def ring(*, periods: int = 50):
    """Keeps them in a ring."""
    return Work(100, seconds=0.064, held_bytes=0.0, hits=0.1)


@mode
def sums(*, periods: int = 50):
    """Adds them up once."""
    return Work(100, seconds=0.002, held_bytes=96.0, hits=0.4)
