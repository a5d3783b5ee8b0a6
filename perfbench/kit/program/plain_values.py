"""Items of a program's output as plain values, which are compared field by field."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import re
from typing import Any

ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
"""A part of the text of an object that differs in every process."""

MAX_DEPTH = 20


def convert_to_plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON has it. Books of betfairlightweight become what they were made of, other objects their attributes."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if depth >= MAX_DEPTH:
        return _describe(value)
    if isinstance(value, dict):
        return {str(key): convert_to_plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [convert_to_plain(item, depth + 1) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((convert_to_plain(item, depth + 1) for item in value), key=repr)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, enum.Enum):
        return value.name
    return _convert_object(value, depth)


def _convert_object(value: Any, depth: int) -> Any:
    if type(value).__module__.startswith("betfairlightweight.") and isinstance(getattr(value, "_data", None), dict):
        return convert_to_plain(value._data, depth + 1)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return convert_to_plain(fields, depth + 1)
    for name in ("tolist", "to_dict"):  # of numpy and of pandas
        convert = getattr(value, name, None)
        if callable(convert) and not isinstance(value, type):
            return convert_to_plain(convert(), depth + 1)
    return _describe(value)


def _describe(value: Any) -> str:
    return ADDRESS.sub("", repr(value))
