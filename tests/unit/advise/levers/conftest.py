"""Markets for simulations in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe


@pytest.fixture(scope="session")
def race(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small market with a removal and an in-play part."""
    path = tmp_path_factory.mktemp("race") / "1.100000011"
    write_market(Recipe(seed=11, runners=6, updates=700, bsp=True, in_play=True, removal=True), path)
    return path


@pytest.fixture(scope="session")
def packed_race(race: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same market, compressed."""
    path = tmp_path_factory.mktemp("packed") / "1.100000011.gz"
    write_market(Recipe(seed=11, runners=6, updates=700, bsp=True, in_play=True, removal=True), path)
    return path
