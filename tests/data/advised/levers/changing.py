"""Change one order in ten thousand by a penny."""

import os
from contextlib import contextmanager

from perfbench.kit.lever import SAME, Proposal

KIND = SAME
SOURCE = "https://example.org/changing"


def propose(noted):
    """For every program."""
    yield Proposal(title="penny = 0.01", value="0.01", write="penny = 0.01", reason="it looks harmless")


@contextmanager
def apply(value):
    """The value of a variable of the environment."""
    os.environ["ADVISED_PRICE"] = value
    yield
