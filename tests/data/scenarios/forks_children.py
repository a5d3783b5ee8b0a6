"""Whose memory is it when a child does the work?"""

import subprocess
import sys

from perfbench import Work, mode

CHILD = "import time; kept = bytearray(60_000_000); kept[::4096] = b'x' * len(kept[::4096]); time.sleep(0.8)"


@mode(baseline=True)
def in_a_child():
    subprocess.run([sys.executable, "-c", CHILD], check=True)
    return Work(1)
