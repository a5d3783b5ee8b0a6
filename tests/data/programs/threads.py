"""Simulates in two threads at the same time."""

import sys
import threading

from pool import run_process

threads = [threading.Thread(target=run_process, args=(sys.argv[1:],)) for _ in range(2)]
for thread in threads:
    thread.start()
