"""Independent check of the claim without perfbench: sequential fresh processes of two interpreters.

    python benchmarks/independent.py MARKET PYTHON_BEFORE PYTHON_AFTER [ROUNDS]

Prints, for lightweight and for full mode, the median CPU seconds of each side and the median of the rounds' ratios: of two
sequential passes in random order on one core.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys

PASS = """
import gc, sys, time
import betfairlightweight
from betfairlightweight.streaming.listener import StreamListener
market, lightweight = sys.argv[1], sys.argv[2] == "lightweight"
client = betfairlightweight.APIClient("x", "x", "x", lightweight=lightweight)
listener = StreamListener(max_latency=None, lightweight=lightweight)
books = client.streaming.create_historical_generator_stream(market, listener).get_generator()()
gc.collect()
start = time.process_time()
for _ in books:
    pass
print(time.process_time() - start)
"""


def seconds(python: str, market: str, mode: str) -> float:
    """CPU seconds of one replay in a fresh process."""
    command = [python, "-c", PASS, market, mode]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    """Measure in random order and print."""
    market, before, after, *rest = sys.argv[1:]
    rounds = int(rest[0]) if rest else 8
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, [max(os.sched_getaffinity(0))])
    for mode in ("lightweight", "full"):
        samples: dict[str, list[float]] = {before: [], after: []}
        for _ in range(rounds):
            for python in random.sample([before, after], 2):
                samples[python].append(seconds(python, market, mode))
        first, second = (statistics.median(samples[python]) for python in (before, after))
        ratio = statistics.median(old / new for old, new in zip(samples[before], samples[after], strict=True))
        print(f"{mode}: {first:.3f}s → {second:.3f}s {ratio:.3f}x, {rounds} passes a side", flush=True)


if __name__ == "__main__":
    main()
