"""Is the ticker as fast as was announced?"""

import ticker

from perfbench import Claim, Work, mode

UNIT = "ticks"
CLAIMS = [
    Claim("plain@ticker==1.0", "plain@ticker==2.0", 6.860 / 2.998, "the notes of 2.0"),
    Claim("quick@ticker==1.0", "quick@ticker==2.0", 2.8, "the notes of 2.0"),
    Claim("slow@ticker==1.0", "slow@ticker==2.0", 1.5, "the notes of 2.0"),
    Claim("plain@ticker==1.0", "quick@ticker==2.0", 3.0, "the notes of 2.0"),
]


@mode(baseline=True)
def plain():
    return Work(44_687, seconds=ticker.SECONDS["plain"])


@mode
def quick():
    return Work(44_687, seconds=ticker.SECONDS["quick"])


@mode
def slow():
    return Work(44_687, seconds=ticker.SECONDS["slow"])
