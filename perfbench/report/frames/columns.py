"""Rows as typed columns: the one form from which every kind of DataFrame is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

from perfbench.model import Value

Parameters = tuple[tuple[str, Value], ...]
"""The parameters of a case, in their order. In frames: a column ``parameters`` with all of them, and one for each."""

Numbers = tuple[tuple[str, float], ...]
"""Numbers by name, such as the metrics of a scenario. In frames: a column for each."""


MIN_INTEGER, MAX_INTEGER = -(2**63), 2**63 - 1


class ColumnType(Enum):
    """The type of the values of a column; every value may be None but those of texts."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    NUMBERS = "numbers"


FIELD_TYPES: Mapping[str, ColumnType] = {
    "str": ColumnType.TEXT,
    "int": ColumnType.INTEGER,
    "int | None": ColumnType.INTEGER,
    "float": ColumnType.NUMBER,
    "float | None": ColumnType.NUMBER,
    "bool": ColumnType.BOOLEAN,
    "tuple[float, ...]": ColumnType.NUMBERS,
}
"""The annotations of the fields of rows, which become a column each."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a frame; the values of ``NUMBERS`` are tuples."""

    name: str
    type: ColumnType
    values: tuple[Any, ...]


def build_columns(kind: type[Any], rows: Sequence[Any]) -> list[Column]:
    """The columns of rows of one kind, in the order of its fields, which have the annotations of ``FIELD_TYPES``.

    A field of pairs becomes a column for each name, ``parameters.window``, in order of first appearance; None where a row lacks it.
    Integers of more than 64 bits, which no frame has, become texts.
    """
    columns: list[Column] = []
    for field in fields(kind):
        values = [getattr(row, field.name) for row in rows]
        if field.type == "Parameters":
            texts = [",".join(f"{name}={value}" for name, value in pairs) for pairs in values]
            columns += [Column(field.name, ColumnType.TEXT, tuple(texts)), *_expand_pairs(field.name, values)]
        elif field.type == "Numbers":
            columns += _expand_pairs(field.name, values)
        else:
            columns.append(_build_column(field.name, FIELD_TYPES[str(field.type)], values))
    return columns


def _expand_pairs(name: str, rows: Sequence[Sequence[tuple[str, Any]]]) -> list[Column]:
    mappings = [dict(pairs) for pairs in rows]
    names = dict.fromkeys(key for mapping in mappings for key in mapping)
    values = {key: [mapping.get(key) for mapping in mappings] for key in names}
    return [_build_column(f"{name}.{key}", _choose_type(column), column) for key, column in values.items()]


def _choose_type(values: Sequence[Any]) -> ColumnType:
    """The narrowest type that holds all values; a mixture of other types is text."""
    types = {type(value) for value in values if value is not None}
    if types == {bool}:
        return ColumnType.BOOLEAN
    if types == {int}:
        return ColumnType.INTEGER
    return ColumnType.NUMBER if types <= {int, float} else ColumnType.TEXT


def _build_column(name: str, kind: ColumnType, values: Sequence[Any]) -> Column:
    huge = any(isinstance(value, int) and not MIN_INTEGER <= value <= MAX_INTEGER for value in values)
    if kind is ColumnType.TEXT or huge:
        return Column(name, ColumnType.TEXT, tuple(None if value is None else str(value) for value in values))
    if kind is ColumnType.NUMBER:
        return Column(name, kind, tuple(None if value is None else float(value) for value in values))
    return Column(name, kind, tuple(values))
