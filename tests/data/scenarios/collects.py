"""When was garbage collected?"""

import gc

from perfbench import mode


@mode(baseline=True)
def twice():
    """In the making of the updates 100 and 300 of 400."""
    gc.disable()
    for number in range(400):
        if number in (100, 300):
            gc.collect()
        yield number
