"""Programs whose seconds are known, and which levers make faster through variables of the environment."""

import importlib
import itertools
import math
import os
import random
import time

SPEED, PRICE, FAIL = "ADVISED_SPEED_", "ADVISED_PRICE", "ADVISED_FAIL"

_passes = itertools.count()


def run():
    """One second of work for ten thousand order events, divided by the speeds of the levers."""
    if FAIL in os.environ:
        raise RuntimeError("this lever does not fit")
    speed = math.prod(float(value) for name, value in os.environ.items() if name.startswith(SPEED))
    noise = 1 + random.SystemRandom().gauss(0.0, 0.002)
    time.sleep(0.01)
    return report(1000, noise / speed, events(float(os.environ.get(PRICE, "0"))))


def unstable():
    """Orders that depend on the order of a set of texts."""
    return report(1000, 1.0, list({"a", "b", "c", "d", "e", "f"}))


def failing():
    """A program that fails."""
    raise RuntimeError("no more prices")


def events(penny):
    """Ten thousand events, one of which has a price that a lever changes."""
    return [{"number": n, "price": 2.0 + (penny if n == 7_777 else 0.0)} for n in range(10_000)]


def report(amount, seconds, output):
    """The work, with seconds that are not those of the clock."""
    api = importlib.import_module("perfbench.worker.scenario_api")
    return api.Work(amount, seconds=seconds, output=output, per_unit=False)
