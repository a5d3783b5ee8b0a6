"""Immutable rows of one kind, and their way to pandas, polars, Arrow and a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from perfbench.report.frames import conversion, html
from perfbench.report.frames.columns import build_columns

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

RowType = TypeVar("RowType")

SHOWN_ROWS = 20
"""Rows of a notebook's table; the others are counted."""


@dataclass(frozen=True, slots=True, repr=False)
class Rows(Sequence[RowType], Generic[RowType]):
    """A sequence of frozen dataclasses of one ``kind``; a slice of it is one too. Also without rows its frames have all columns."""

    kind: type[RowType]
    rows: tuple[RowType, ...] = ()

    @overload
    def __getitem__(self, index: int) -> RowType: ...

    @overload
    def __getitem__(self, index: slice) -> Rows[RowType]: ...

    def __getitem__(self, index: int | slice) -> RowType | Rows[RowType]:
        return Rows(self.kind, self.rows[index]) if isinstance(index, slice) else self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"<{len(self.rows)} rows of {self.kind.__name__}>"

    def _repr_html_(self) -> str:
        """The first rows as an HTML table for notebooks, without scripts and styles of the page; every text is escaped."""
        columns = build_columns(self.kind, self.rows[:SHOWN_ROWS])
        cells = [[html.format_value(value) for value in row] for row in zip(*(c.values for c in columns), strict=True)]
        more = len(self.rows) - SHOWN_ROWS
        notes = [f"{more:,} more"] if more > 0 else []
        return html.render_table([column.name for column in columns], cells, notes=notes)

    def to_pandas(self) -> pd.DataFrame:
        """A pandas DataFrame, a row each. Raises UsageProblem, which names the extra, if pandas is not installed."""
        return conversion.build_pandas(build_columns(self.kind, self.rows))

    def to_polars(self) -> pl.DataFrame:
        """A polars DataFrame, a row each. Raises UsageProblem, which names the extra, if polars is not installed."""
        return conversion.build_polars(build_columns(self.kind, self.rows))

    def to_arrow(self) -> pa.Table:
        """An Arrow table, a row each. Raises UsageProblem, which names the extra, if pyarrow is not installed."""
        return conversion.build_arrow(build_columns(self.kind, self.rows))


def collect_rows(kind: type[RowType], rows: Any) -> Rows[RowType]:
    """The rows of an iterable."""
    return Rows(kind, tuple(rows))
