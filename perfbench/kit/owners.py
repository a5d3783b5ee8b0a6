"""Owners of the time in a profile: functions by part of a replay and of a backtest.

A pattern is a path inside a package, a colon and a qualified name; ``user:*`` are the functions of files outside of every
package. The first owner with a matching pattern owns a function. A function without an owner, such as those of
``betfairlightweight/utils.py``, belongs to its caller.
"""

from __future__ import annotations

REPLAY = {
    "JSON decoding": ("json/*", "orjson*", "ujson*", "msgspec/*", "*:loads"),
    "reading the file": (
        "*:*HistoricalGeneratorStream.*",
        "*:*HistoricalStream.*",
        "smart_open/*",
        "<frozen codecs>:*",
        "gzip.py:*",
        "bz2.py:*",
        "lzma.py:*",
    ),
    "building books": (
        "betfairlightweight/streaming/cache.py:*.serialise*",
        "betfairlightweight/streaming/cache.py:*.create_resource*",
    ),
    "cache update": ("betfairlightweight/streaming/cache.py:*",),
    "objects of resources": ("betfairlightweight/resources/*", "flumine/patching.py:*"),
    "stream and listener": ("betfairlightweight/streaming/*", "flumine/streams/*"),
}

BACKTEST = {
    "the user's strategy": ("user:*", "perfbench/kit/strategies.py:*"),
    **REPLAY,
    "flumine's middleware": ("flumine/markets/middleware.py:*",),
    "blotter": ("flumine/markets/blotter.py:*",),
    "flumine's orders": (
        "flumine/order/*",
        "flumine/execution/*",
        "flumine/simulation/simulated*",
        "flumine/controls/*",
    ),
    "flumine's framework": (
        "flumine/simulation/simulation.py:*",
        "flumine/markets/market*.py:*",
        "flumine/strategy/*",
        "flumine/events/*",
        "flumine/baseflumine.py:*",
        "flumine/clients/*",
    ),
}
