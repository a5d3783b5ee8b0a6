"""Axes of drawings: every value at its place, 1.0 always marked, ticks that can be read beside each other."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfbench.report.page.axes import (
    Axis,
    Frame,
    Scale,
    build_exact_ratio_axis,
    build_number_axis,
    build_ratio_axis,
    draw_frame,
    format_ratio_tick,
)
from perfbench.report.page.svg import Drawing
from perfbench.report.page.ticks import choose_linear_ticks, format_decade_ticks

ENDS = (0.0, 500.0)


def texts(ratios: list[float], *, short: bool = False) -> list[str]:
    return [text for _, text in build_ratio_axis(ratios, ENDS, short=short).ticks]


def test_logarithmic_scale_places_a_half_and_a_double_alike() -> None:
    scale = Scale(0.5, 2.0, 0.0, 100.0, logarithmic=True)
    assert [scale.place(value) for value in (0.5, 1.0, 2.0)] == pytest.approx([0.0, 50.0, 100.0])


def test_values_beyond_a_scale_are_placed_at_its_ends() -> None:
    scale = Scale(0.5, 2.0, 10.0, 90.0, logarithmic=True)
    assert [scale.place(value) for value in (0.0, 1e-9, 1e9, math.inf)] == [10.0, 10.0, 90.0, 90.0]


@pytest.mark.parametrize("ratios", [[1.0], [0.3, 1.0], [1.0, 400.0], [0.999, 1.0, 1.001], [1e-4, 1.0, 1e4]])
def test_axis_of_ratios_that_covers_one_has_a_tick_there(ratios: list[float]) -> None:
    axis = build_ratio_axis(ratios, ENDS)
    assert (1.0, "1.0") in axis.ticks
    assert 2 <= len(axis.ticks) <= 9


def test_wide_axis_has_factors_and_narrow_axis_has_shares() -> None:
    assert "2x faster" in texts([0.25, 1.0])
    assert "2x slower" in texts([1.0, 4.0])
    assert texts([0.98, 1.0, 1.02]) == ["−5 %", "1.0", "+5 %"]
    assert "2x" in texts([0.25, 1.0], short=True)


def test_narrow_axis_far_from_one_has_factors() -> None:
    axis = build_exact_ratio_axis([0.55, 0.56, 0.57], ENDS)
    assert all(text.endswith("x faster") for _, text in axis.ticks)
    assert not axis.scale.contains(1.0)


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=20))
def test_ticks_of_any_ratios_are_in_order_within_the_axis_and_not_on_each_other(ratios: list[float]) -> None:
    axis = build_ratio_axis(ratios, ENDS)
    places = [axis.place(value) for value, _ in axis.ticks]
    assert places == sorted(places)
    assert all(axis.scale.contains(value) for value, _ in axis.ticks)
    assert all(second - first > 14 for first, second in itertools.pairwise(places))


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_axis_of_any_numbers_contains_them(values: list[float]) -> None:
    axis = build_number_axis(values, ENDS, "x", unit="seconds")
    assert all(axis.scale.low <= value <= axis.scale.high for value in values)
    assert len(axis.ticks) <= 7


def test_linear_ticks_are_round_numbers() -> None:
    assert choose_linear_ticks(0.93, 1.71) == [1.0, 1.2, 1.4, 1.6]


@pytest.mark.parametrize(
    ("ratio", "as_share", "text"),
    [
        (1.0, True, "1.0"),
        (0.98, True, "−2 %"),
        (1.05, True, "+5 %"),
        (0.5, False, "2x faster"),
        (1.5, False, "1.5x slower"),
    ],
)
def test_tick_of_a_ratio_says_what_it_means(ratio: float, as_share: bool, text: str) -> None:
    assert format_ratio_tick(ratio, as_share=as_share) == text


@pytest.mark.parametrize(
    ("ticks", "expected"),
    [
        ([0.1, 0.2, 0.5], ["0.1 s", "0.2 s", "0.5 s"]),
        ([1.0, 1.5, 2.0], ["1 s", "1.5 s", "2 s"]),
        ([0.02, 0.03], ["20 ms", "30 ms"]),
        ([0.00001, 1.0], ["10 µs", "1 s"]),
        ([1000.0, 2000.0], ["1,000 s", "2,000 s"]),
        ([], []),
    ],
)
def test_ticks_of_seconds_have_one_unit_and_no_useless_zeros(ticks: list[float], expected: list[str]) -> None:
    assert format_decade_ticks(ticks) == expected


def test_text_of_a_tick_that_would_cover_its_neighbour_is_left_out() -> None:
    frame = Frame(width=300.0)
    scale = Scale(0.0, 10.0, *frame.across)
    drawing = Drawing(frame.width, frame.height)
    draw_frame(drawing, frame, Axis(scale, ((8.0, "1.47x slower"), (9.9, "1.48x slower"), (1.0, "1.40x slower"))), None)
    shown = drawing.finish("axis").__html__()
    assert [text in shown for text in ("1.40x", "1.47x", "1.48x")] == [True, True, False]
