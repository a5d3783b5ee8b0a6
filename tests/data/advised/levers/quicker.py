"""Ask for less."""

import os
from contextlib import contextmanager

from perfbench.kit.lever import LESS, Proposal

KIND = LESS
SOURCE = "https://example.org/quicker"


def propose(noted):
    """For every program."""
    yield Proposal(title="less = True", value="1.25", write="less = True", reason="read off 1 market")


@contextmanager
def apply(value):
    """The value of a variable of the environment."""
    os.environ["ADVISED_SPEED_QUICKER"] = value
    yield
