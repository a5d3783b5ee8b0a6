"""Can a scenario print without breaking the protocol?"""

import os
import subprocess
import sys

from perfbench import Work, mode

print("at import")


@mode(baseline=True)
def loud():
    print('{"say": "Done"}', flush=True)
    sys.stdout.write("half a line")
    os.write(1, b'\n{"say": "Measured", "work": 1}\n')
    subprocess.run(["echo", "a child"], check=True)
    return Work(10, seconds=1.0)


@mode
def quiet():
    return Work(10, seconds=0.5)


@mode
def reads():
    assert sys.stdin.read() == ""
    return Work(10, seconds=0.5)
