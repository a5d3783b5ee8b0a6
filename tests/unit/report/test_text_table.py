"""Tables as lines of text, at widths that fit everything and at widths that do not."""

from __future__ import annotations

import pytest

from perfbench.report.prose import wrap_line
from perfbench.report.text_table import Column, render, shorten_name

COLUMNS = (
    Column("self"),
    Column("each update", optional=1),
    Column("with callees", optional=2),
    Column("what happened", left=True),
)
LONG = "  betfairlightweight/streaming/cache.py:MarketBookCache.update_cache"
ROWS = (
    (LONG, "1.005ms", "3.351µs", "2.509ms", "called 0.265 times as often; same code"),
    ("  list.copy", "0.501ms", "1.669µs", "0.501ms", "same code"),
)


def lines(width: int) -> list[str]:
    return render("  function", COLUMNS, ROWS, width).splitlines()


def test_wide_table_has_one_line_a_row() -> None:
    head, _, *rows = lines(1000)
    assert head.split() == "function self each update with callees what happened".split()  # noqa: SIM905
    assert [row.split()[0] for row in rows] == [LONG.strip(), "list.copy"]


@pytest.mark.parametrize("width", [70, 80, 100, 120])
def test_narrow_table_keeps_its_width_and_the_end_of_every_name(width: int) -> None:
    text = lines(width)
    assert max(map(len, text)) <= width
    assert any("MarketBookCache.update_cache  " in line for line in text)
    assert " ".join(" ".join(line[-18:].split()) for line in text).count("same code") == 2


def test_narrow_table_leaves_out_the_least_important_numbers_first() -> None:
    assert "update" in "".join(lines(90)[:3])
    assert "update" not in "".join(lines(80)[:3])
    assert "callees" in "".join(lines(80)[:3])
    assert "callees" not in "".join(lines(70)[:3])
    assert "self" in "".join(lines(70)[:3])


def test_heads_of_several_lines_end_on_the_same_line() -> None:
    text = lines(90)
    rule = next(number for number, line in enumerate(text) if set(line) == {"─"})
    assert text[rule - 1].split() == ["function", "self", "update", "callees", "what", "happened"]


def test_names_lose_their_beginning_and_sentences_are_folded() -> None:
    assert shorten_name(LONG, 30) == "  …" + LONG[-27:]
    assert shorten_name("  short", 30) == "  short"
    assert (
        shorten_name("      called by Book.sort: 12 → 11.3", 24) == "      called by\n      Book.sort: 12 →\n      11.3"
    )


def test_folded_prose_stands_below_its_beginning() -> None:
    assert wrap_line("! the machine was busy", 14) == "! the machine\n  was busy"
    assert wrap_line("  the machine was busy", 14) == "  the machine\n  was busy"
