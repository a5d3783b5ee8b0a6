"""Made-up advice, for tests of what is saved and shown."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace

from perfbench.advise.model import (
    AdviceDocument,
    AdviceOptions,
    Candidate,
    CorpusSize,
    FloorPart,
    MarketSeconds,
    OutputCheck,
    Remainder,
)
from perfbench.advise.search_steps import JoiningStep, ScreenedCandidate, SearchResult
from perfbench.model import OutputDifference
from perfbench.profiling.ownership import CallbackShare, OwnerShare
from perfbench.worker.program_messages import Proposal
from support.runs import run, scenario

HERE_DIFFERENCE = OutputDifference(12, "orders[0].price", "3.2", "3.25", item="order event")


def gains_of(ratio: float, pairs: int, sigma: float = 0.01) -> tuple[float, ...]:
    """Gains of pairs that show this speed-up with a little noise, the same each time."""
    numbers = random.Random(f"{ratio} {pairs}")
    return tuple(math.log(ratio) + numbers.gauss(0.0, sigma) for _ in range(pairs))


def proposal(lever: str, title: str = "", kind: str = "same", **values: object) -> Proposal:
    """A proposal with something to write."""
    own: dict[str, object] = {"write": f"{lever} = True", "reason": "it applies", "source": "https://example.org"}
    return Proposal(lever, title or lever, kind, **{**own, **values})  # type: ignore[arg-type]


CANDIDATES = (
    Candidate(proposal("inplay", "inplay=False", "less"), OutputCheck("same")),
    Candidate(
        proposal("speed_extra", "betfairlightweight[speed]", environment="betfairlightweight[speed]"),
        OutputCheck("same"),
    ),
    Candidate(
        proposal("traded_volume", "calculate_market_tv=False"), OutputCheck("changes", HERE_DIFFERENCE, "1.170258213")
    ),
    Candidate(proposal("tickrush", "reader tickrush"), OutputCheck("failed", reason="no wheel for this Python")),
    Candidate(proposal("gc_off", "gc off until close"), OutputCheck("same")),
)

CONFIRMED = SearchResult(
    screened=(
        ScreenedCandidate(gains_of(1.24, 12), "kept"),
        ScreenedCandidate(gains_of(1.08, 12), "kept"),
        ScreenedCandidate((), "not timed"),
        ScreenedCandidate((), "not timed"),
        ScreenedCandidate(gains_of(1.0, 3), "no gain"),
    ),
    steps=(JoiningStep(0, "first"), JoiningStep(1, "added", gains_of(1.07, 6))),
    combination=(0, 1),
    gains=gains_of(1.32, 12),
    confirmed=True,
)


def advice(
    result: SearchResult = CONFIRMED, candidates: Sequence[Candidate] = CANDIDATES, **changes: object
) -> AdviceDocument:
    """A finished advice on six markets of a corpus."""
    made = run((), scenarios=("my_backtest.py:run",), environments=(("here",),))
    program = scenario("run", name="my_backtest:run")
    document = AdviceDocument(
        schema=1,
        run=replace(made, scenarios=(program,), id="night"),
        options=AdviceOptions(),
        training=("1.1", "1.2"),
        held_out=("1.3", "1.4", "1.5", "1.6"),
        seconds=tuple(MarketSeconds(f"1.{n}", 3.16, 3.2, 44_687, packed_bytes=1_000_000) for n in range(1, 7)),
        named=(proposal("kept_books", "no books kept in Mine.books", tried=False),),
        candidates=tuple(candidates),
        result=result,
        corpus=CorpusSize("2025.tar (12,000 files)", 12_000, 12_000_000_000),
        remainder=Remainder(
            "1.1",
            (FloorPart("reading the file", 0.041),),
            (OwnerShare("check_market_book", 0.31), OwnerShare("cache update", 0.22)),
            (CallbackShare("my_backtest.py:Mine.check_market_book", 0.25, 0.31, None),),
        ),
    )
    return replace(document, **changes)  # type: ignore[arg-type]
