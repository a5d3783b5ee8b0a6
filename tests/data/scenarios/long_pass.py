"""What is on the screen while a pass runs?"""

import time

from perfbench import mode

UNIT = "updates"


@mode(baseline=True)
def waits(*, seconds: float = 0.2):
    """Waits in every pass."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return 1
