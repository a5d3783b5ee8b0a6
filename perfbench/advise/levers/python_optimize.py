"""Run without assertions."""

from __future__ import annotations

import sys
from typing import Iterator

from perfbench.kit.lever import SAME, Noted, Proposal

KIND = SAME
SOURCE = "https://docs.python.org/3/using/cmdline.html#cmdoption-O"


def propose(noted: Noted) -> Iterator[Proposal]:
    """For an interpreter that checks assertions."""
    if not sys.flags.optimize:
        yield Proposal(
            title="python -O",
            environment="-O",
            write="python -O …  # or export PYTHONOPTIMIZE=1",
            reason="assert statements are executed",
        )
