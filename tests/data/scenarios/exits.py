"""Is a mode that ends the process a failure?"""

import os
import sys

from perfbench import Work, mode


@mode(baseline=True)
def sound():
    return Work(10, seconds=1.0)


@mode
def leaves():
    sys.exit(3)


@mode
def vanishes():
    os._exit(7)


@mode
def vanishes_well():
    os._exit(0)
