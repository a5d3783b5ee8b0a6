"""Is a scenario that waits measured by wall time, one worker after the other?"""

import time

from perfbench import mode

METRIC = "wall_seconds"


@mode(baseline=True)
def longer():
    time.sleep(0.02)
    return 1


@mode
def shorter():
    time.sleep(0.005)
    return 1
