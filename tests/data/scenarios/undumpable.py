"""May another process look into this one? Not without the capability for it (prctl(2), PR_SET_DUMPABLE)."""

import ctypes

from perfbench import mode

UNIT = "steps"
PR_SET_DUMPABLE = 4

ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


@mode
def burn():
    total = 0
    for step in range(1_000_000):
        total += step
    return 1_000_000
