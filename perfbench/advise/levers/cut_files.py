"""Cut the market files once to the part in which the strategies act, with an image of the market before it.

``seconds_to_start`` leaves updates out for the strategies, but every line is still read, decoded and put into the cache. In a file
that is cut (``perfbench data cut``) they are one image. The limit is that of ``seconds_to_start``. All files of a backtest need the
same cut, and a strategy that needs the past before it acts gives other orders.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from typing import IO, Iterator

from perfbench.kit.action_times import find_first_action
from perfbench.kit.lever import LESS, Noted, Proposal, describe_risk
from perfbench.kit.market_copies import reading_copies
from perfbench.worker.stream_cut import cut_stream

KIND = LESS
SOURCE = "https://github.com/betfair-perfbench/perfbench/blob/main/docs/quants/advise.md#files-that-are-cut"


def propose(noted: Noted) -> Iterator[Proposal]:
    """For strategies that place orders, if updates are left out by it."""
    first = find_first_action(noted)
    if first is None:
        return
    yield Proposal(
        title="files cut to {} s before the off".format(first.limit),
        value=str(first.limit),
        write="perfbench data cut FILE… --seconds-to-start {} --output FOLDER  # once; then name the files in it".format(
            first.limit
        ),
        reason="the first order is placed or changed {:,.0f} s before the scheduled off; {}".format(
            first.earliest, describe_risk(noted.markets)
        ),
    )


@contextmanager
def apply(value: str) -> Iterator[None]:
    """Simulations read files that begin this many seconds before the scheduled off; they are cut before, which is not timed."""
    seconds = float(value)

    def cut(market: IO[bytes], written: IO[bytes]) -> None:
        written.writelines(cut_stream(market, seconds))

    with tempfile.TemporaryDirectory(prefix="perfbench-cut-") as folder, reading_copies(folder, cut):
        yield
