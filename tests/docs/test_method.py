"""The table of constants in docs/concepts/constants.md has the values of the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TABLE = (ROOT / "docs" / "concepts" / "constants.md").read_text(encoding="utf-8")
CONSTANTS = [
    (file, name, value)
    for file, cell in re.findall(r"^\| (\S+\.py) \| (.*) \|$", TABLE, re.MULTILINE)
    for name, value in re.findall(r"`(\w+) = ([^`]+)`", cell)
]


def read_constants(path: Path) -> dict[str, object]:
    """The literals assigned at the top level of a module."""
    constants: dict[str, object] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                constants[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return constants


def test_table_lists_constants() -> None:
    assert len(CONSTANTS) > 40


@pytest.mark.parametrize(("file", "name", "value"), CONSTANTS, ids=lambda value: value)
def test_constant_has_the_documented_value(file: str, name: str, value: str) -> None:
    assert read_constants(ROOT / "perfbench" / file).get(name, "missing") == ast.literal_eval(value)
