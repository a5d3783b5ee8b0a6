"""The loop that perfbench times, without perfbench: prints the CPU seconds of one replay.

``bare_loop.py MARKET lightweight|full|patched CORE``; it waits for a line on standard input before it starts.
"""

import gc
import os
import sys
import time

import betfairlightweight
from betfairlightweight import StreamListener

market, mode, core = sys.argv[1:]
if mode == "patched":
    from betfairlightweight.resources import bettingresources
    from flumine import patching

    bettingresources.RunnerBookEX = patching.EX
    bettingresources.RunnerBookSP = patching.SP
os.sched_setaffinity(0, {int(core)})
trading = betfairlightweight.APIClient("u", "p", "k", lightweight=mode == "lightweight")
listener = StreamListener(max_latency=None, lightweight=mode == "lightweight")
stream = trading.streaming.create_historical_generator_stream(market, listener)
updates = stream.get_generator()
gc.collect()
print("ready", flush=True)
sys.stdin.readline()
start = time.process_time()
for _ in updates():
    pass
print(time.process_time() - start, flush=True)
