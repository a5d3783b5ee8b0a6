"""The saved advice: what was proposed, checked and measured. Raw gains only; every estimate is computed when it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from perfbench.advise.search_steps import SearchResult
from perfbench.model import OutputDifference, Run
from perfbench.profiling.ownership import CallbackShare, OwnerShare
from perfbench.worker.program_messages import Proposal

CheckStatus = Literal["same", "changes", "failed"]


@dataclass(frozen=True, slots=True)
class AdviceOptions:
    """What is tried: the named ``levers`` (none: all), also those of ``folders``, and with ``include_changes`` such that change the
    orders.
    """

    folders: tuple[str, ...] = ()
    levers: tuple[str, ...] = ()
    include_changes: bool = False


@dataclass(frozen=True, slots=True)
class OutputCheck:
    """Whether a candidate gives the orders of the user's set-up: ``changes`` with the first ``difference`` and its market.

    ``reason``: why it failed. ``seconds``: those of the check pass on the last market, taken beside others; None if unknown.
    """

    status: CheckStatus
    difference: OutputDifference | None = None
    market: str = ""
    reason: str = ""
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A proposal that was tried, with its check on the training markets; no check: it was interrupted before."""

    proposal: Proposal
    check: OutputCheck | None = None

    @property
    def kind(self) -> str:
        """The kind of the lever, as it turned out: one that changes an order is of the kind ``changes``."""
        changes = self.check is not None and self.check.status == "changes"
        return "changes" if changes else self.proposal.kind


@dataclass(frozen=True, slots=True)
class MarketSeconds:
    """What a pass of the user's set-up takes on a market.

    ``seconds`` are in the metric that is compared; ``cpu_seconds`` those of the whole pass, with the ``child_seconds`` of child
    processes. ``packed_bytes`` is the size of the file as it lies in its corpus, else 0. ``market`` is empty for a program that
    reads its own files.
    """

    market: str
    seconds: float
    cpu_seconds: float
    work: int
    child_seconds: float = 0.0
    packed_bytes: int = 0


@dataclass(frozen=True, slots=True)
class CorpusSize:
    """The corpus that the markets were drawn from: its name, its files, and their bytes as they lie there."""

    name: str
    members: int
    packed_bytes: int


@dataclass(frozen=True, slots=True)
class FloorPart:
    """A part of the work that no lever avoids, and the CPU seconds that it takes alone on the first training market."""

    what: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Remainder:
    """Where the time goes that is left, on the first training market.

    ``owners`` and ``callbacks`` are of a profile of the confirmed combination, else of the user's set-up. ``problem``: why a part
    of it is missing.
    """

    market: str = ""
    floor: tuple[FloorPart, ...] = ()
    owners: tuple[OwnerShare, ...] = ()
    callbacks: tuple[CallbackShare, ...] = ()
    problem: str = ""


NO_RESULT, NO_REMAINDER = SearchResult(), Remainder()


@dataclass(frozen=True, slots=True)
class AdviceDocument:
    """The saved document. Its ``run`` has the settings, the program, the machine, the environment, the markets and the problems.

    ``training`` and ``held_out`` are names of markets; both the same with a single one, and empty for a program that reads its own
    files. ``named`` are proposals that nobody but the author of the program can try. ``result`` refers to ``candidates`` by number.
    """

    schema: int
    run: Run
    options: AdviceOptions
    training: tuple[str, ...] = ()
    held_out: tuple[str, ...] = ()
    seconds: tuple[MarketSeconds, ...] = ()
    named: tuple[Proposal, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    result: SearchResult = NO_RESULT
    corpus: CorpusSize | None = None
    remainder: Remainder = NO_REMAINDER

    @property
    def is_fresh(self) -> bool:
        """Whether the confirmation used markets that were not used to choose."""
        return not set(self.training) & set(self.held_out) and bool(self.held_out)
