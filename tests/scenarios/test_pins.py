"""The packages that modes need: one version of each for all scenarios, in one place."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from support.scenarios import SHIPPED

from perfbench.kit import pins

PINNED = {name: value for name, value in vars(pins).items() if name.isupper()}
ENVIRONMENT_DECIDES = {"FLUMINE", "FLUMINE_ALONE"}
"""Packages under test, the release of which is the environment's."""


def package(requirement: str) -> str:
    """The name of the package without extras, version and options."""
    return re.split(r"[\[<>=~ ]", requirement)[0].lower().replace("_", "-")


def needs(path: Path) -> list[ast.expr]:
    """What the ``needs`` of all modes of a file list."""
    keywords = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.keyword)]
    lists = [keyword.value for keyword in keywords if keyword.arg == "needs"]
    return [item for one in lists for item in getattr(one, "elts", [one])]


def test_package_has_one_pin_and_a_version_unless_the_environment_decides() -> None:
    names = [package(value) for name, value in PINNED.items() if name not in ENVIRONMENT_DECIDES]
    assert len(names) == len(set(names))
    unbounded = {name for name, value in PINNED.items() if not re.search(r"(==|<)\d", value)}
    assert unbounded == ENVIRONMENT_DECIDES


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*/*.py")), ids=lambda path: path.stem)
def test_needs_of_every_mode_are_names_of_the_one_place(path: Path) -> None:
    listed = needs(path)
    assert {ast.unparse(item).lstrip("*") for item in listed} <= {*PINNED}


def test_some_modes_need_packages() -> None:
    assert len({ast.unparse(item) for path in SHIPPED.glob("*/*.py") for item in needs(path)}) >= 10
