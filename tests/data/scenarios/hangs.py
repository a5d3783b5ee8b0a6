"""Is a mode that hangs ended?"""

import time

from perfbench import Work, mode


@mode(baseline=True)
def sound():
    return Work(10, seconds=1.0)


@mode
def sleeps():
    time.sleep(3600)
