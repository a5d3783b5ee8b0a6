"""Does a mode that crashes harm the others?"""

import os
import signal

from perfbench import Work, mode


@mode(baseline=True)
def sound():
    return Work(10, seconds=1.0)


@mode
def raises():
    raise ValueError("no such price")


@mode
def dies():
    os.kill(os.getpid(), signal.SIGSEGV)


@mode
def also_sound():
    return Work(10, seconds=0.5)
