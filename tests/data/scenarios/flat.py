"""Is every number that of its own mode, environment and parameter, where no file is replayed?"""

import ticker

from perfbench import Change, Work, mode

UNIT = "ticks"
CHANGES = [Change("renamed", "ticker", "2.0", ("name",), "2.0 renames a field")]
QUICK = {"scale": 3}


@mode(baseline=True)
def plain(*, scale: int = 1):
    return Work(17, seconds=17 * ticker.SECONDS * scale)


@mode
def halved(*, scale: int = 1):
    return Work(17, seconds=17 * ticker.SECONDS * scale / 2)
