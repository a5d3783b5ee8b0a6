"""Fail."""

import os
from contextlib import contextmanager

from perfbench.kit.lever import SAME, Proposal

KIND = SAME
SOURCE = "https://example.org/failing"


def propose(noted):
    """For every program."""
    yield Proposal(title="fail = True", value="1", write="fail = True", reason="it does not fit")


@contextmanager
def apply(value):
    """The value of a variable of the environment."""
    os.environ["ADVISED_FAIL"] = value
    yield
