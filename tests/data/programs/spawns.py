"""Starts its processes by spawn, as on macOS."""

import logging
import multiprocessing
import sys

from pool import run_process

if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    logging.getLogger().setLevel(logging.CRITICAL)
    with multiprocessing.Pool(2) as pool:
        pool.map(run_process, [[path] for path in sys.argv[1:] or ["data/1.1", "data/1.2"]])
