"""Is the ticker of the other side slower?"""

import ticker

from perfbench import Work, mode

UNIT = "ticks"


@mode(baseline=True)
def plain():
    return Work(ticker.AMOUNT, seconds=ticker.seconds(), output=ticker.OUTPUT)


@mode
def double():
    return Work(ticker.AMOUNT, seconds=2 * ticker.seconds(), output=ticker.OUTPUT)
