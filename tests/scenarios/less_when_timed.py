"""Does a mode do less in every second process?"""

import os

from perfbench import Work, mode


@mode(baseline=True)
def all_of_it():
    return Work(100, seconds=1.0)


@mode
def lazy():
    return Work(100 - os.getpid() % 2 - (os.environ["PYTHONHASHSEED"] != "0"), seconds=0.5)
