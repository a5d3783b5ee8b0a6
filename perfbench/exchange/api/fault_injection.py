"""Faults on demand: which calls fail, and how, the same way for the same seed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

FAULT_KINDS = {
    "429": "too many requests; the call is not looked at",
    "503": "the service is not available; the call is not looked at",
    "reset": "the connection is reset; the call is not looked at",
    "error": "an error inside an answer of 200; the call is not looked at",
    "lost": "what was asked for is done, and the connection reset instead of an answer",
    "half": "what was asked for is done, and the connection reset in the middle of the answer",
    "stall": "what was asked for is done, and the answer comes late",
}
DEFAULT_FAULT_KINDS = ("429", "503", "reset")
FAULT_STATUS_CODES = {"429": 429, "503": 503}
FAULTS_BEFORE_EXECUTION = frozenset({"429", "503", "reset", "error"})


@dataclass(frozen=True, slots=True)
class FaultConfig:
    """Which share of the calls fails, in which ways, from which seed; a stalled answer comes so many seconds late."""

    share: float = 0.0
    kinds: Sequence[str] = DEFAULT_FAULT_KINDS
    seed: int = 1
    stall: float = 5.0


class FaultInjector:
    """The faults of one exchange, and how many there were of each kind."""

    def __init__(self, terms: FaultConfig) -> None:
        self.terms = terms
        self.counts: Counter[str] = Counter()
        self._random = random.Random(terms.seed)

    def next(self) -> str | None:
        """What happens to the next call; None: nothing."""
        happens, kind = self._random.random() < self.terms.share, self._random.choice(list(self.terms.kinds))
        if not happens:
            return None
        self.counts[kind] += 1
        return kind
