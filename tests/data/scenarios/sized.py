"""Is every number that of its own file, mode, environment and parameter?"""

import json

import ticker

from perfbench import Change, Work, mode

UNIT = "updates"
CHANGES = [Change("renamed", "ticker", "2.0", ("name",), "2.0 renames a field")]
QUICK = {"scale": 3}


def updates(market):
    with open(market, "rb") as file:
        return sum("mc" in json.loads(line) for line in file)


@mode(baseline=True)
def plain(market, *, scale: int = 1):
    work = updates(market)
    return Work(work, seconds=work * ticker.SECONDS * scale)


@mode
def halved(market, *, scale: int = 1):
    work = updates(market)
    return Work(work, seconds=work * ticker.SECONDS * scale / 2)
