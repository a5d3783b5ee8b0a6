"""Do something that does not matter."""

import os
from contextlib import contextmanager

from perfbench.kit.lever import SAME, Proposal

KIND = SAME
SOURCE = "https://example.org/useless"


def propose(noted):
    """For every program."""
    yield Proposal(title="useless = True", value="1.0", write="useless = True", reason="why not")


@contextmanager
def apply(value):
    """The value of a variable of the environment."""
    os.environ["ADVISED_SPEED_USELESS"] = value
    yield
