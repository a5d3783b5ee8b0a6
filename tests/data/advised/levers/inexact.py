"""Change the answer."""

import os
from contextlib import contextmanager

from perfbench.kit.lever import CHANGES, Proposal

KIND = CHANGES
SOURCE = "https://example.org/inexact"


def propose(noted):
    """For every program."""
    yield Proposal(title="exact = False", value="1.5", write="exact = False", reason="it may change orders")


@contextmanager
def apply(value):
    """The value of a variable of the environment."""
    os.environ["ADVISED_SPEED_INEXACT"] = value
    yield
