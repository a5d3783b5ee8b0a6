"""Does a mode do less when it is timed?"""

import os

from perfbench import Work, mode


@mode(baseline=True)
def all_of_it():
    return Work(100, seconds=1.0)


@mode
def lazy():
    checked = os.environ["PYTHONHASHSEED"] == "0"
    return Work(100 if checked else 99, seconds=0.5)
