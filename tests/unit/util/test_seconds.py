"""Durations of a column have one unit, and none loses the figures that distinguish it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfbench.util.seconds import SECONDS_UNITS, SecondsColumn, choose_common_unit, format_column

REPEATABLE = settings(derandomize=True, database=None, deadline=None)
SECONDS = {unit.name: 1 / unit.per_second for unit in SECONDS_UNITS}
durations = st.floats(1e-9, 1e5)


def read_back(text: str) -> tuple[float, str]:
    number = text.rstrip("nµms")
    return float(number), text.removeprefix(number)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.062023, 0.173024], ["0.0620s", "0.173s"]),
        ([0.105, 0.078232], ["0.105s", "0.0782s"]),
        ([6.86, 2.998, 0.543], ["6.860s", "2.998s", "0.543s"]),
        ([4.934176, 0.049541], ["4.934s", "0.0495s"]),
        ([0.0, 0.0123, None], ["0.000ms", "12.300ms", ""]),
        ([0.0, None], ["0.000s", ""]),
        ([math.nan, 0.0123], ["–", "12.300ms"]),
        ([12.5, 0.000012], ["12.500s", "12.000µs"]),
        ([-0.095797, -0.317], ["-0.0958s", "-0.317s"]),
    ],
)
def test_column_has_the_unit_of_its_longest_duration_and_short_ones_more_decimals(
    values: list[float | None], expected: list[str]
) -> None:
    assert format_column(values) == expected


def test_pair_is_in_the_unit_of_its_column() -> None:
    column = SecondsColumn.of([0.062023, 0.0633, 0.173024])
    assert column.format(0.062023) == "0.0620s"
    assert column.format_pair(0.0633, 0.173024) == "0.0633s → 0.173s"


def test_pair_far_too_short_for_its_column_has_a_unit_of_its_own() -> None:
    column = SecondsColumn.of([9.0, 0.000012, 0.000013])
    assert column.format_pair(0.000012, 0.000013) == "12.000µs → 13.000µs"
    assert column.format_pair(9.0, 0.000013) == "9.000s → 0.0000130s"


@REPEATABLE
@given(st.lists(durations, min_size=1, max_size=12))
def test_every_duration_of_a_column_keeps_three_figures(values: list[float]) -> None:
    for value, text in zip(values, format_column(values), strict=True):
        number, unit = read_back(text)
        assert number * SECONDS[unit] == pytest.approx(value, rel=0.0051)


@REPEATABLE
@given(st.lists(durations, min_size=1, max_size=12))
def test_durations_that_are_not_far_apart_have_one_unit(values: list[float]) -> None:
    unit = choose_common_unit(values)
    shown = {
        read_back(text)[1] for text, value in zip(format_column(values), values, strict=True) if unit.fits([value])
    }
    assert shown <= {unit.name}
    if max(values) < 100 * min(values):
        assert {read_back(text)[1] for text in format_column(values)} == {unit.name}
