"""Deterministic fault injection for API calls."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

FAULT_KINDS = {
    "429": "too many requests; the call is not executed",
    "503": "service unavailable; the call is not executed",
    "reset": "connection reset; the call is not executed",
    "error": "error in a response with status 200; the call is not executed",
    "lost": "the call is executed; connection reset before the response",
    "half": "the call is executed; connection reset in the middle of the response",
    "stall": "the call is executed; the response is delayed",
}
DEFAULT_FAULT_KINDS = ("429", "503", "reset")
FAULT_STATUS_CODES = {"429": 429, "503": 503}
FAULTS_BEFORE_EXECUTION = frozenset({"429", "503", "reset", "error"})


@dataclass(frozen=True, slots=True)
class FaultConfig:
    """Share of calls that fail, kinds of faults, random seed, and delay of a stalled response in seconds."""

    share: float = 0.0
    kinds: Sequence[str] = DEFAULT_FAULT_KINDS
    seed: int = 1
    stall_seconds: float = 5.0


class FaultInjector:
    """Draws faults and counts them by kind."""

    def __init__(self, config: FaultConfig) -> None:
        self.config = config
        self.counts: Counter[str] = Counter()
        self._random = random.Random(config.seed)

    def draw_fault(self) -> str | None:
        """Draw the fault of the next call; None for no fault."""
        is_faulty, kind = self._random.random() < self.config.share, self._random.choice(list(self.config.kinds))
        if not is_faulty:
            return None
        self.counts[kind] += 1
        return kind
