"""How many instructions does the mill of the other side take?"""

import mill

from perfbench import Work, mode

UNIT = "turns"


@mode(baseline=True)
def turns():
    total = 0
    for step in range(mill.STEPS):
        total += step * step
    return Work(100, seconds=1.0, output=["flour"] * 100)
