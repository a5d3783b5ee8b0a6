"""Numbers as they are written in tables, and foreign text made harmless."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfbench.util.formatting import (
    MISSING_TEXT,
    format_amount_pair,
    format_bytes,
    format_bytes_pair,
    format_count,
    format_factor,
    format_interval,
    format_quantity,
    format_quantity_pair,
    format_rate,
    format_seconds,
    format_seconds_pair,
    format_share,
    make_printable,
)

REPEATABLE = settings(derandomize=True, database=None, deadline=None)
UNITS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9, "B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}

durations = st.floats(1e-9, 1e6)


def read_back(text: str) -> float:
    found = re.fullmatch(r"(-?[\d,]+(?:\.\d+)?) ?(\D+)", text)
    assert found, text
    return float(found[1].replace(",", "")) * UNITS[found[2]]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (6.86, "6.860s"),
        (2.998, "2.998s"),
        (0.0, "0.000s"),
        (-0.0, "0.000s"),
        (0.1, "0.100s"),
        (0.012345, "12.345ms"),
        (0.01, "10.000ms"),
        (0.00412, "4.120ms"),
        (0.000412, "0.412ms"),
        (0.0005, "0.500ms"),
        (0.0000041, "4.100µs"),
        (92e-9, "92.000ns"),
        (4e-9, "4.000ns"),
        (-0.000412, "-0.412ms"),
        (36005.0, "36005.000s"),
        (math.nan, MISSING_TEXT),
        (math.inf, MISSING_TEXT),
    ],
)
def test_seconds(value: float, text: str) -> None:
    assert format_seconds(value) == text


@REPEATABLE
@given(durations)
def test_a_duration_is_never_printed_as_nothing(value: float) -> None:
    assert read_back(format_seconds(value)) == pytest.approx(value, rel=0.051)


@REPEATABLE
@given(durations, durations)
def test_the_longer_duration_never_reads_as_the_shorter(one: float, other: float) -> None:
    shorter, longer = sorted((one, other))
    assert read_back(format_seconds(shorter)) <= read_back(format_seconds(longer)) * (1 + 1e-12)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (212_000_000, "212.0 MB"),
        (0, "0 B"),
        (999, "999 B"),
        (999.6, "1.0 kB"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (31_415_926_535, "31.4 GB"),
        (2e15, "2,000.0 TB"),
        (-1_500_000, "-1.5 MB"),
        (math.nan, MISSING_TEXT),
    ],
)
def test_size(value: float, text: str) -> None:
    assert format_bytes(value) == text


@REPEATABLE
@given(st.integers(0, 10**17))
def test_a_size_is_right_to_a_twentieth_of_its_unit(value: int) -> None:
    text = format_bytes(value)
    assert read_back(text) == pytest.approx(value, abs=0.051 * UNITS[text.split()[1]])
    assert text.endswith("TB") or read_back(text) < 1000 * UNITS[text.split()[1]]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.288, "2.3x"),
        (2.0, "2.0x"),
        (1.996, "2.0x"),
        (1.994, "1.99x"),
        (1.0, "1.00x"),
        (0.13, "0.13x"),
        (0.1, "0.10x"),
        (0.09996, "0.10x"),
        (0.0456, "0.0456x"),
        (0.000456, "0.000456x"),
        (639.04, "639.0x"),
        (12345.67, "12,345.7x"),
        (0.0, "0.00x"),
        (math.inf, MISSING_TEXT),
    ],
)
def test_factor(value: float, text: str) -> None:
    assert format_factor(value) == text


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (1.0149, 1.014, 1.016, "1.015x"),
        (1.0149, 1.013, 1.017, "1.015x"),
        (1.0149, 1.009, 1.020, "1.01x"),
        (2.27, 2.26, 2.28, "2.3x"),
        (0.04562, 0.0456, 0.0457, "0.0456x"),
        (2.27, 2.27, math.inf, "2.3x"),
    ],
)
def test_factor_below_two_lies_within_the_interval_beside_it(value: float, low: float, high: float, text: str) -> None:
    assert format_factor(value, low, high) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (2.25, 2.34, "2.25–2.34"),
        (1.98, 2.04, "1.980–2.040"),
        (0.9921, 1.0084, "0.992–1.008"),
        (1.9999, 2.1, "2.00–2.10"),
        (0.0456, 0.0461, "0.0456–0.0461"),
        (0.0, 0.5, "0.000–0.500"),
        (2.25, math.inf, MISSING_TEXT),
        (math.nan, 2.25, MISSING_TEXT),
    ],
)
def test_interval(low: float, high: float, text: str) -> None:
    assert format_interval(low, high) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (0.736, "−26.4 %"),
        (0.263, "−73.7 %"),
        (1.0025, "+0.25 %"),
        (0.9997, "−0.03 %"),
        (1.0, "0.00 %"),
        (0.999999, "0.00 %"),
        (1.00999, "+1.0 %"),
        (5.8, "+480 %"),
        (31.0, "+3,000 %"),
        (math.nan, "–"),
        (math.inf, "–"),
    ],
)
def test_share(ratio: float, text: str) -> None:
    assert format_share(ratio) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (7, "7"),
        (999, "999"),
        (999.7, "1.00 k"),
        (1000, "1.00 k"),
        (47_218_386, "47.2 M"),
        (999_600_000, "1.00 G"),
        (4_213_000_000, "4.21 G"),
        (123e12, "123 T"),
        (4.5e15, "4,500 T"),
        (math.inf, "–"),
    ],
)
def test_quantity(value: float, text: str) -> None:
    assert format_quantity(value) == text


def test_count() -> None:
    assert [format_count(number) for number in (0, 999, 44687, 1_234_567)] == ["0", "999", "44,687", "1,234,567"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (74_512.3, "74,500"),
        (999.7, "1,000"),
        (123.4, "123"),
        (12.345, "12.3"),
        (1.0, "1.00"),
        (0.12345, "0.123"),
        (1_234_567.0, "1,230,000"),
        (0.0, "0"),
        (math.nan, MISSING_TEXT),
    ],
)
def test_rate(value: float, text: str) -> None:
    assert format_rate(value) == text


@REPEATABLE
@given(st.floats(1e-6, 1e9))
def test_a_rate_keeps_three_figures(value: float) -> None:
    number = format_rate(value).replace(",", "")
    assert float(number) == pytest.approx(value, rel=0.0051)
    assert len(number.replace(".", "").strip("0")) <= 3


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("16:45 Wölvega – 2200m ✓", "16:45 Wölvega – 2200m ✓"),
        ("1.200806927.bz2", "1.200806927.bz2"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x9b31m", r"\x9b31m"),
        ("two\nlines\r\ttabbed", r"two\nlines\r\ttabbed"),
        ("\x00\x07\x08\x7f", r"\x00\x07\x08\x7f"),
        ("market\u202egnp.exe", r"market\u202egnp.exe"),
        ("\u2066isolated\u2069", r"\u2066isolated\u2069"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("line\u2028end", r"line\u2028end"),
        ("caf\udce9", r"caf\udce9"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_foreign_text_is_made_harmless(text: str, shown: str) -> None:
    assert make_printable(text) == shown


@REPEATABLE
@given(st.text(st.characters()))
def test_foreign_text_is_printable_encodable_and_stays_what_it_was_if_it_is_harmless(text: str) -> None:
    shown = make_printable(text)
    assert shown.isprintable()
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert make_printable(shown) == shown
    assert shown == text or not text.isprintable()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (format_seconds_pair(0.006664, 0.010123), "6.664ms → 10.123ms"),
        (format_seconds_pair(6.86, 2.998), "6.860s → 2.998s"),
        (format_seconds_pair(0.099, 0.12), "0.0990s → 0.120s"),
        (format_seconds_pair(0.05, 12.5), "0.0500s → 12.500s"),
        (format_seconds_pair(0.0, 0.05), "0.000ms → 50.000ms"),
        (format_seconds_pair(4.934176, 0.049541), "4.934s → 0.0495s"),
        (format_seconds_pair(4.5, 0.0000012), "4.500s → 0.00000120s"),
        (format_seconds_pair(0.0, 0.0), "0.000s → 0.000s"),
        (format_seconds_pair(math.nan, 1.0), f"{MISSING_TEXT} → 1.000s"),
        (format_bytes_pair(999_900, 1_000_400), "999.9 kB → 1,000.4 kB"),
        (format_bytes_pair(212e6, 208.4e6), "212.0 MB → 208.4 MB"),
        (format_bytes_pair(0, 5e6), "0.0 MB → 5.0 MB"),
        (format_bytes_pair(400, 5000), "400 B → 5,000 B"),
        (format_amount_pair(96.3, 1210, "bytes"), "96.3 B → 1,210 B"),
        (format_amount_pair(1.25, 20, "ms"), "1.25 ms → 20 ms"),
        (format_amount_pair(12345, 12346, "count"), "12,345 → 12,346"),
        (format_amount_pair(-1234.5, 0.04, "money"), "−1,234.50 → 0.04"),
        (format_amount_pair(0.02, 0.3, "seconds"), "0.0200s → 0.300s"),
        (format_quantity_pair(4.21e9, 3.1e9), "4.21 G → 3.10 G"),
        (format_quantity_pair(999e6, 1.01e9), "999 M → 1,010 M"),
        (format_quantity_pair(0, 12e6), "0 M → 12.0 M"),
    ],
)
def test_pair_of_numbers_has_one_unit(text: str, expected: str) -> None:
    assert text == expected
