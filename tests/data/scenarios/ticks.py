"""Does every ticker tell the same?"""

import ticker

from perfbench import Change, canonical, mode

UNIT = "ticks"
CHANGES = [
    Change("order", "ticker", "2.0", ("runners",), "2.0 sorts the runners"),
    Change("zero", "ticker", "2.0", ("matched",), "2.0 says 0 and not None"),
    Change("zone", "ticker", "3.0", ("time",), "3.0 tells the time zone", trait="time zone"),
]
TRAITS = {"time zone": lambda _tick: getattr(ticker, "ZONE", "none")}


@mode(baseline=True)
def books():
    return iter(ticker.books())


@canonical
def fields(tick, part, undone):
    tick = dict(tick)
    if "order" in undone:
        tick["runners"] = sorted(tick["runners"])
    if "zero" in undone:
        tick["matched"] = tick["matched"] or 0
    return tick
