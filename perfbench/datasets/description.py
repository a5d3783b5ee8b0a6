"""What one pass over a market file found out about it."""

from __future__ import annotations

from dataclasses import dataclass

from perfbench.model import Market


@dataclass(frozen=True, slots=True)
class MarketDescription:
    """One market file. ``size_bytes`` is that of the plain file, ``packed_bytes`` that of the file as it was given.

    ``updates`` are lines with market changes, ``in_play_updates`` those of them in which a market is in-play;
    ``runners_changed`` is the mean number of runners that change in an update; times are milliseconds since 1970, UTC.
    ``remarks`` say what is unusual; ``doubts`` are those of them that a reader of a timing should know.
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
    doubts: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def market(self) -> Market:
        """What a run keeps of it."""
        return Market(
            name=self.name,
            path=self.path,
            sha256=self.sha256,
            size_bytes=self.size_bytes,
            updates=self.updates,
            markets=len(self.market_ids),
            doubts=self.doubts,
        )

    @property
    def seconds(self) -> float:
        """The span in market time."""
        return (self.last_published - self.first_published) / 1000
