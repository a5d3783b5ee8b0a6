"""May a scenario that waits use every core?"""

import os
import time

from perfbench import Work, mode

METRIC = "wall_seconds"


@mode(baseline=True)
def cores():
    time.sleep(0.005)
    return Work(1, cores=len(os.sched_getaffinity(0)))
