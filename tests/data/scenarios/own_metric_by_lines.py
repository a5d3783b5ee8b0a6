"""The seconds of timed_by_lines, with a metric of its own, so that every market is a batch by itself."""

import json

from perfbench import Metric, Work, mode

METRICS = {"bytes": Metric("bytes")}


def in_play(line):
    changes = json.loads(line).get("mc") or ()
    return any((change.get("marketDefinition") or {}).get("inPlay") for change in changes)


def replayed(market, per_line, per_line_in_play):
    with open(market, encoding="utf-8") as file:
        lines = file.readlines()
    running, seconds = False, 0.0
    for line in lines:
        running = in_play(line) if "marketDefinition" in line else running
        seconds += per_line_in_play if running else per_line
    return Work(len(lines), seconds=seconds, bytes=float(sum(map(len, lines))))


@mode(baseline=True)
def before(market):
    return replayed(market, 0.001, 0.001)


@mode
def after(market):
    return replayed(market, 0.0005, 0.0005)


@mode(group="in play")
def slower_in_play(market):
    return replayed(market, 0.0005, 0.002)
