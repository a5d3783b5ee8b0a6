"""Description of a market file."""

from __future__ import annotations

from dataclasses import dataclass

from perfbench.model import Market


@dataclass(frozen=True, slots=True)
class MarketDescription:
    """A market file. ``size_bytes`` is the size of the plain file, ``packed_bytes`` that of the packed one.

    ``updates`` is the number of lines with market changes, ``in_play_updates`` of those with an in-play market;
    ``runners_changed`` is the mean number of runners that change in an update; times are milliseconds since 1970, UTC.
    ``event_types`` and ``market_types`` are the values of ``eventTypeId`` (the sport) and ``marketType`` of its definitions.
    ``irregularities`` describe unusual content; ``warnings`` are those of them that concern timings.
    """

    name: str
    path: str
    sha256: str
    packing: str
    packed_bytes: int
    size_bytes: int
    lines: int
    updates: int
    market_ids: tuple[str, ...]
    runners: int
    definitions: int
    runners_changed: float
    in_play_updates: int
    first_published: int
    last_published: int
    warnings: tuple[str, ...]
    irregularities: tuple[str, ...]
    event_types: tuple[str, ...] = ()
    market_types: tuple[str, ...] = ()

    @property
    def market(self) -> Market:
        """The market as saved in a run."""
        return Market(
            name=self.name,
            path=self.path,
            sha256=self.sha256,
            size_bytes=self.size_bytes,
            updates=self.updates,
            markets=len(self.market_ids),
            doubts=self.warnings,
        )

    @property
    def seconds(self) -> float:
        """The duration in market time."""
        return (self.last_published - self.first_published) / 1000
