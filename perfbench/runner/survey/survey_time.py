"""The time of a survey: its limit, what is spent, and whether there is time for another draw."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from perfbench.model import Draw, Settings
from perfbench.runner.state import Progress


@dataclass(slots=True)
class SurveyTime:
    """The time of a survey: its limit, and what a draw takes on average. ``jobs``: how many are measured at a time."""

    limit: float
    clock: Callable[[], float]
    jobs: int = 1
    start: float = field(init=False)
    begun: int = 0

    def __post_init__(self) -> None:
        self.start = self.clock()

    @property
    def spent(self) -> float:
        """Seconds since the survey began."""
        return self.clock() - self.start

    @property
    def each(self) -> float:
        """Seconds of the survey for each draw so far; 0 before the first."""
        return self.spent / self.begun if self.begun else 0.0

    def count(self, draws: Iterable[Draw]) -> Iterator[Draw]:
        """The draws; each that is taken counts as begun."""
        for draw in draws:
            self.begun += 1
            yield draw

    def fits_another(self) -> bool:
        """Whether a draw of average length would end before the time is over; the next one's own size is not looked at.

        Whether a draw belongs to the sample must not depend on what it costs.
        """
        return not self.begun or self.spent + self.jobs * self.each <= self.limit

    def place(self, progress: Progress) -> Progress:
        """The progress with the share of the time that is spent."""
        if self.limit == math.inf:
            return Progress(progress.doing, 0.0, None, self.begun)
        left = max(0.0, self.limit - self.spent)
        return Progress(progress.doing, min(1.0, self.spent / self.limit) if self.limit else 1.0, left, self.begun)


def choose_limit(settings: Settings, seconds: float | None) -> float:
    """The time limit of a survey: infinite where the number of draws is fixed, else ``seconds`` or that of the settings."""
    if settings.rounds is not None or settings.shard != (1, 1):
        return math.inf
    return settings.max_time if seconds is None else seconds
