"""The ``--columns`` of a table: replaced, added to and taken away."""

from __future__ import annotations

import pytest

from perfbench.errors import UsageProblem
from perfbench.report.tables.comparison import MODE_COLUMNS, SIDE_COLUMNS, parse_columns


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+", MODE_COLUMNS),
        ("", ()),
        ("wall, startup", ("wall", "startup")),
        ("+wall,startup", (*MODE_COLUMNS, "wall", "startup")),
        ("+wall,+startup", (*MODE_COLUMNS, "wall", "startup")),
        ("+wall, + startup", (*MODE_COLUMNS, "wall", "startup")),
        ("+memory", MODE_COLUMNS),
        ("-memory", tuple(name for name in MODE_COLUMNS if name != "memory")),
        ("-memory,-rate,+wall", ("interval", "numbers", "output", "wall")),
        ("+wall,-wall", MODE_COLUMNS),
        ("wall,+startup,-wall", ("startup",)),
    ],
)
def test_columns_are_replaced_added_and_taken_away(text: str, expected: tuple[str, ...]) -> None:
    assert parse_columns(text) == expected


def test_columns_of_environments_have_their_own_default() -> None:
    assert parse_columns("-claim", SIDE_COLUMNS) == ("interval", "numbers", "output")


@pytest.mark.parametrize("text", ["+wal", "-wal", "wal", "+wall,+wal"])
def test_unknown_column_is_named_without_its_sign(text: str) -> None:
    with pytest.raises(UsageProblem, match=r"^--columns: no column `wal`$") as error:
        parse_columns(text)
    assert "wall" in error.value.hint
