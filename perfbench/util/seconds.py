"""Units of durations: one for a number, for a pair, or for all cells of a column."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MISSING_TEXT = "–"
"""Text for a number that is not finite."""

MIN_UNITS = 0.1
"""A number of seconds is shown in the largest unit of which it has this much."""

MIN_COLUMN_UNITS = 0.001
"""A duration of fewer units than these is shown in one of its own, whatever its column has."""


def count_decimals(value: float) -> int:
    """Decimals of a number with three figures."""
    return 2 - math.floor(math.log10(abs(value))) if value else 0


@dataclass(frozen=True, slots=True)
class SecondsUnit:
    """A unit of durations, and how many of it a second has."""

    name: str
    per_second: float

    def format(self, value: float) -> str:
        """``6.860s``, ``0.0495s``: three decimals, and three figures of a number below 0.1."""
        if not math.isfinite(value):
            return MISSING_TEXT
        number = value * self.per_second + 0.0
        return f"{number:.{min(9, max(3, count_decimals(number)))}f}{self.name}" if number else f"0.000{self.name}"

    def format_pair(self, before: float, after: float) -> str:
        """``6.860s → 2.998s``."""
        return f"{self.format(before)} → {self.format(after)}"

    def fits(self, values: Iterable[float]) -> bool:
        """Whether any of the durations has enough of this unit to be read in it."""
        return any(abs(value) * self.per_second >= MIN_COLUMN_UNITS for value in values)


SECONDS_UNITS = (SecondsUnit("s", 1.0), SecondsUnit("ms", 1e3), SecondsUnit("µs", 1e6), SecondsUnit("ns", 1e9))


def choose_unit(value: float) -> SecondsUnit:
    """The unit of one duration."""
    if value == 0:
        return SECONDS_UNITS[0]
    return next((unit for unit in SECONDS_UNITS if abs(value) * unit.per_second >= MIN_UNITS), SECONDS_UNITS[-1])


def choose_common_unit(values: Iterable[float]) -> SecondsUnit:
    """One unit for several durations: that of the longest; the short ones have more decimals, so that none loses figures.

    Durations of zero or that are not finite have no say.
    """
    return choose_unit(max((abs(value) for value in values if value and math.isfinite(value)), default=0.0))


@dataclass(frozen=True, slots=True)
class SecondsColumn:
    """The format of a column of durations, all in one unit but for those that are far too short for it."""

    unit: SecondsUnit

    @classmethod
    def of(cls, values: Iterable[float | None]) -> SecondsColumn:
        """The format for the durations of a column; cells without one are None."""
        return cls(choose_common_unit(value for value in values if value is not None))

    def format(self, value: float) -> str:
        """``0.0620s``."""
        return self._choose(value).format(value)

    def format_pair(self, before: float, after: float) -> str:
        """``0.0633s → 0.173s``."""
        return self._choose(before, after).format_pair(before, after)

    def _choose(self, *values: float) -> SecondsUnit:
        measured = [value for value in values if value and math.isfinite(value)]
        return self.unit if not measured or self.unit.fits(measured) else choose_common_unit(measured)


def format_column(values: Sequence[float | None]) -> list[str]:
    """The cells of a column of durations, in one unit; None makes an empty cell."""
    column = SecondsColumn.of(values)
    return ["" if value is None else column.format(value) for value in values]
