"""The time limit of a command, and the time that the trials of a group take."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from statistics import median

from perfbench.model import Settings, Trial

QUICK_ROUNDS = 2
"""Rounds under ``--quick``, unless ``--rounds`` is given."""

QUICK_SECONDS = 10.0
"""Seconds of a table under ``--quick`` after which its second round is left out."""

Clock = Callable[[], float]
"""Seconds of a monotonic clock."""

Observe = Callable[[str], None]


class TimeLimit:
    """The wall-clock seconds that a command may take from its start; those of building environments are not counted."""

    def __init__(self, seconds: float = math.inf, clock: Clock = time.monotonic) -> None:
        """:param seconds: infinite where a number of rounds decides."""
        self.seconds = seconds
        self._clock = clock
        self._start = clock()
        self._excluded = 0.0

    @property
    def spent(self) -> float:
        """Seconds since the start that are counted."""
        return self._clock() - self._start - self._excluded

    @property
    def left(self) -> float:
        """Seconds that are left; none once the time is over."""
        return max(0.0, self.seconds - self.spent)

    @property
    def is_exceeded(self) -> bool:
        """Whether the command has taken more than a tenth above its limit."""
        return self.spent > 1.1 * self.seconds

    def share(self, parts: int) -> float:
        """The seconds for the next of this many parts that are left."""
        return self.left / max(1, parts)

    @contextmanager
    def excluding_builds(self, observe: Observe) -> Iterator[Observe]:
        """An observer for building environments: if it receives a line, the seconds of the block are not counted."""
        start, lines = self._clock(), 0

        def note(line: str) -> None:
            nonlocal lines
            lines += 1
            observe(line)

        try:
            yield note
        finally:
            if lines:
                self._excluded += self._clock() - start


def choose_seconds(settings: Settings) -> float:
    """The time limit of a command with these settings in seconds; infinite where a number of rounds decides."""
    fixed = settings.rounds is not None or settings.shard != (1, 1)
    return math.inf if fixed else settings.max_time


class GroupClock:
    """The time of one group: its limit, what is spent, and what its trials took, by which the next ones are expected."""

    def __init__(self, seconds: float, clock: Clock = time.monotonic) -> None:
        """:param seconds: the time limit of the group from now on."""
        self.seconds = seconds
        self._clock = clock
        self._start = clock()
        self._costs: dict[tuple[str, frozenset[str]], list[float]] = defaultdict(list)

    @property
    def spent(self) -> float:
        """Seconds since the group began."""
        return self._clock() - self._start

    @property
    def left(self) -> float:
        """Seconds that are left; none once the time is over."""
        return max(0.0, self.seconds - self.spent)

    @contextmanager
    def timing(self, trial: Trial) -> Iterator[None]:
        """Note what a trial takes."""
        start = self._clock()
        yield
        self._costs[_key(trial)].append(self._clock() - start)

    def expect(self, trials: Iterable[Trial]) -> float:
        """The seconds that these trials will take, from earlier ones of the same cases; nothing for those without any."""
        return sum(self._expect(trial) for trial in trials)

    def _expect(self, trial: Trial) -> float:
        kind, cases = _key(trial)
        own = self._costs.get((kind, cases))
        if own is None and kind != "duet":  # a solo pass takes what a memory pass does
            own = next((costs for (_, others), costs in self._costs.items() if others == cases), None)
        return median(own) if own else 0.0


def _key(trial: Trial) -> tuple[str, frozenset[str]]:
    return trial.kind, frozenset(case.id for case in trial.cases)
