"""Which function of the ticker makes the work?"""

import ticker

from perfbench import mode

UNIT = "ticks"
OWNERS = {"pricing": ("ticker.py:price*",), "sorting": ("ticker.py:Book.sort*", "ticker.py:sort*")}


@mode(baseline=True)
def plain():
    return ticker.work(12_000)


@mode
def crashes():
    raise ValueError("no ticks today")


@mode
def hangs():
    while True:
        pass
