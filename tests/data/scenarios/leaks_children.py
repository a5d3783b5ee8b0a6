"""Are the children of a scenario ended with it?"""

import os
import subprocess
import sys

from perfbench import Work, mode


@mode(baseline=True)
def leaves_a_child():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    with open(os.path.join(os.environ["TMPDIR"], "children"), "a") as file:
        file.write(f"{child.pid}\n")
    return Work(10, seconds=1.0)
