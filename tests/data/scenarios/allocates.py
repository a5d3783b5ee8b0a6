"""Is peak memory that of the pass, in a process of its own?"""

from perfbench import mode


@mode(baseline=True)
def little():
    return 1


@mode
def much():
    return bool(bytearray(80_000_000)) + 0
