"""Seconds of each market file by the package ticker: so many a line, and others where the market is in-play."""

import json

import ticker

from perfbench import Work, mode


def in_play(line):
    changes = json.loads(line).get("mc") or ()
    return any((change.get("marketDefinition") or {}).get("inPlay") for change in changes)


@mode(baseline=True)
def ticks(market):
    with open(market, encoding="utf-8") as file:
        lines = file.readlines()
    running, seconds = False, 0.0
    for line in lines:
        running = in_play(line) if "marketDefinition" in line else running
        seconds += ticker.IN_PLAY if running else ticker.PER_LINE
    return Work(len(lines), seconds=seconds)
