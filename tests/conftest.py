"""What several test files share."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from perfbench import generating
from perfbench.generating import Recipe
from perfbench.machine import usable_cores


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--refresh-golden", action="store_true", help="write the golden files anew")


def pytest_xdist_auto_num_workers() -> int:
    """Half as many again as there are cores: much of the time a test waits for a process that waits."""
    return math.ceil(1.5 * usable_cores())


@pytest.fixture(scope="session")
def refresh_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written and not compared."""
    return bool(request.config.getoption("--refresh-golden"))


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small sound market file, 60 updates."""
    path = tmp_path_factory.mktemp("market") / "good"
    generating.write(Recipe(seed=9, runners=3, updates=60, bsp=True, in_play=True), path)
    return path
