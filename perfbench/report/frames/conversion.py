"""DataFrames of pandas, polars and Arrow from typed columns. Each library is imported where it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from perfbench.report.frames.columns import Column, ColumnType
from perfbench.util.extras import import_extra

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa


def build_pandas(columns: Sequence[Column]) -> pd.DataFrame:
    """A pandas DataFrame. Missing numbers are NaN, missing integers and booleans ``<NA>``. Raises UsageProblem."""
    pandas = import_extra("to_pandas()", "pandas")
    return pandas.DataFrame({column.name: _build_series(pandas, column) for column in columns})


def _build_series(pandas: Any, column: Column) -> Any:
    complete = all(value is not None for value in column.values)
    types = {
        ColumnType.INTEGER: "int64" if complete else "Int64",
        ColumnType.NUMBER: "float64",
        ColumnType.BOOLEAN: "bool" if complete else "boolean",
        ColumnType.NUMBERS: "object",
        ColumnType.TEXT: "str",
    }
    return pandas.Series(list(column.values), dtype=types[column.type])


def build_polars(columns: Sequence[Column]) -> pl.DataFrame:
    """A polars DataFrame. Missing values are null. Raises UsageProblem."""
    polars = import_extra("to_polars()", "polars")
    types = {
        ColumnType.TEXT: polars.String,
        ColumnType.INTEGER: polars.Int64,
        ColumnType.NUMBER: polars.Float64,
        ColumnType.BOOLEAN: polars.Boolean,
        ColumnType.NUMBERS: polars.List(polars.Float64),
    }
    schema = {column.name: types[column.type] for column in columns}
    return polars.DataFrame({column.name: _list_values(column) for column in columns}, schema=schema)  # type: ignore[no-any-return]


def build_arrow(columns: Sequence[Column], purpose: str = "to_arrow()") -> pa.Table:
    """An Arrow table. Missing values are null. Raises UsageProblem.

    :param purpose: what needs pyarrow, as the user typed it.
    """
    arrow = import_extra(purpose, "pyarrow")
    types = {
        ColumnType.TEXT: arrow.string(),
        ColumnType.INTEGER: arrow.int64(),
        ColumnType.NUMBER: arrow.float64(),
        ColumnType.BOOLEAN: arrow.bool_(),
        ColumnType.NUMBERS: arrow.list_(arrow.float64()),
    }
    schema = arrow.schema([(column.name, types[column.type]) for column in columns])
    return arrow.table({column.name: _list_values(column) for column in columns}, schema=schema)


def _list_values(column: Column) -> list[Any]:
    return list(map(list, column.values)) if column.type is ColumnType.NUMBERS else list(column.values)
