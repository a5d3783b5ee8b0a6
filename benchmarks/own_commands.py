"""Have the commands of perfbench itself become slower?"""

import os
import pathlib
import subprocess
import sys

from perfbench import Work, mode

UNIT = "commands"
RUN = pathlib.Path(__file__).resolve().parents[1] / "results" / "reference-replay.json"


def _called(*arguments: str) -> Work:
    """CPU seconds of one command, in a process of the measured environment."""
    before = os.times()
    # -P: the working directory may contain another perfbench than the installed one.
    subprocess.run([sys.executable, "-P", "-m", "perfbench", *arguments], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return Work(1, seconds=after.children_user + after.children_system - before.children_user - before.children_system)


@mode(baseline=True)
def help_page() -> Work:
    """perfbench --help: the minimum cost of every command."""
    return _called("--help")


@mode
def show_a_run() -> Work:
    """perfbench show: load a run and compute every interval."""
    return _called("show", str(RUN))
