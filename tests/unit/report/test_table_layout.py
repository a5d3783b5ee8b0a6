"""Layout of tables at widths that fit everything and at widths that do not."""

from __future__ import annotations

import pytest

from perfbench.report import terminal_table, text_table
from perfbench.report.prose import wrap_line
from perfbench.report.short_names import shorten_names
from perfbench.report.table_layout import arrange_table
from perfbench.report.text_table import TextTable

LONG_SPEC = "git+file:///home/somebody/work/betfairlightweight@v1."
TABLE = TextTable(
    title="replay · PRO-1.170258213 · 22,367 updates · 3 environments · 24 rounds",
    heads=("mode", f"{LONG_SPEC}0 → …", "faster", "95 % interval", "peak memory", "same output", "claim"),
    rows=(
        (
            f"lightweight {LONG_SPEC}1",
            "16.427s → 4.778s",
            "3.4x ▲",
            "3.39–3.46",
            "21.5 MB → 21.6 MB",
            "known changes",
            "",
        ),
        (f"! full {LONG_SPEC}1", "1.265s → 1.006s", "1.26x ?", "0.998–1.021", "9.5 MB → 9.6 MB", "no", "2.3x refuted"),
        (f"full {LONG_SPEC}2", "1.265s → 1.006s", "1.26x ?", "0.998–1.021", "9.5 MB → 9.6 MB", "yes", "2.3x refuted"),
    ),
    below=("CPython 3.11.7 · AMD EPYC, 2 cores, 24 GiB, Linux 6.18, load 1.36 · 24 rounds, sequential pairs",),
    compared=True,
    ranks=(0, 0, 0, 4, 2, 3, 1),
)


def render(width: int, table: TextTable = TABLE) -> str:
    return text_table.render_text(*terminal_table.build_parts(table, width), width=width)


@pytest.mark.parametrize("width", [30, 40, 50, 60, 72, 80, 100, 132, 200])
def test_no_line_is_wider_than_the_terminal_and_no_number_is_broken(width: int) -> None:
    text = render(width)
    assert max(map(len, text.splitlines())) <= width
    for number in ("16.427s →", "4.778s", "3.4x ▲", "1.26x ?", "24 GiB", "22,367 updates"):
        assert number in text


@pytest.mark.parametrize("width", [30, 40, 60, 80, 100, 132])
def test_column_is_shown_whole_or_named_as_left_out(width: int) -> None:
    text = " ".join(render(width).split())
    for cell, head in (
        ("3.39–3.46", "95 % interval"),
        ("known changes", "same output"),
        ("21.5 MB → 21.6 MB", "peak memory"),
    ):
        assert cell in text or head in text.partition(f"not shown in {width} columns: ")[2]


def test_wide_table_shows_every_column_in_one_line_a_row() -> None:
    head, *rows = render(1000).splitlines()[1:5]
    assert head.split()[-5:] == ["peak", "memory", "same", "output", "claim"]
    assert [row.count("→") for row in rows] == [2, 2, 2]
    assert "not shown" not in render(1000)


def test_columns_are_left_out_in_the_order_of_their_ranks() -> None:
    heads, rows = ("name", "a", "b", "c"), [("x", "1234567", "1234567", "1234567")]
    layouts = [arrange_table(heads, rows, (0, 2, 0, 1), width) for width in (30, 20, 15, 10)]
    assert [layout.left_out if layout else None for layout in layouts[:3]] == [(), ("c",), ("a", "c")]
    assert layouts[3] is None


def test_row_that_fits_no_columns_becomes_a_block_with_every_value() -> None:
    lines = [line.strip() for line in render(34).splitlines()]
    for value in ("16.427s → 4.778s  3.4x ▲", "95 % interval  3.39–3.46", "same output  known changes"):
        assert value in lines


def test_names_with_a_common_beginning_are_cut_so_that_they_differ() -> None:
    assert shorten_names([f"{LONG_SPEC}0", f"{LONG_SPEC}1"], 12) == ("…weight@v1.0", "…weight@v1.1")
    assert (
        shorten_names(["checkout-1/betfairlightweight", "checkout-2/betfairlightweight"], 14)
        == (
            "che…ightweight",
            "che…ightweight",
        )
        or len(set(shorten_names(["checkout-1/betfairlightweight", "checkout-2/betfairlightweight"], 14))) == 2
    )
    modes = shorten_names([f"  lightweight {LONG_SPEC}0", f"! full {LONG_SPEC}0"], 24)
    assert modes[0].startswith("  lightweight …")
    assert modes[1].startswith("! full …")
    assert all(len(mode) == 24 for mode in modes)


def test_names_that_no_cut_tells_apart_stay_whole() -> None:
    names = [
        "a" * 20 + "x" + "b" * 20 + "1" + "c" * 20,
        "a" * 20 + "x" + "b" * 20 + "2" + "c" * 20,
        "a" * 20 + "y" + "b" * 40,
    ]
    assert len(set(shorten_names(names, 10))) == 3


def test_heads_of_narrow_columns_shorten_environments_so_that_they_differ() -> None:
    table = TextTable(
        "t", ("mode", f"{LONG_SPEC}0 → {LONG_SPEC}1", "faster"), (("full", "1.000s → 2.000s", "2.0x ▼"),), (), True
    )
    text = render(60, table)
    assert "@v1.0" in text
    assert "@v1.1" in text


def test_prose_keeps_numbers_with_their_units() -> None:
    assert wrap_line("  load 1.36 and 24 GiB", 16) == "  load 1.36 and\n  24 GiB"
    assert wrap_line("a 95 % interval", 5) == "a\n95 %\ninterval"
    assert wrap_line("a b", 1000) == "a b"
