"""How often, and with which surroundings, does each pass run?"""

import json
import os
import sys

from perfbench import Work, mode


def note(name):
    core = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    entry = {
        "mode": name,
        "seed": os.environ["PYTHONHASHSEED"],
        "variables": sorted(os.environ),
        "core": core,
        "path": sys.path,
        "user_site": sys.flags.no_user_site,
    }
    with open(os.path.join(os.environ["TMPDIR"], "passes"), "a") as file:
        file.write(json.dumps(entry) + "\n")


@mode(baseline=True)
def one():
    note("one")
    return Work(10, seconds=1.0)


@mode
def two():
    note("two")
    return Work(10, seconds=2.0)
