"""Name what only the author can do."""

from perfbench.kit.lever import SAME, Proposal

KIND = SAME
SOURCE = "https://example.org/named"


def propose(noted):
    """For every program."""
    yield Proposal(title="no books kept", write="self.prices.append(price)", reason="books are kept", tried=False)
