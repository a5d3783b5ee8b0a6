"""Work twice as fast."""

import os
from contextlib import contextmanager

from perfbench.kit.lever import SAME, Proposal

KIND = SAME
SOURCE = "https://example.org/faster"


def propose(noted):
    """For every program."""
    yield Proposal(title="speed = 2", value="2.0", write="speed = 2", reason="it can")


@contextmanager
def apply(value):
    """The value of a variable of the environment."""
    os.environ["ADVISED_SPEED_FASTER"] = value
    yield
