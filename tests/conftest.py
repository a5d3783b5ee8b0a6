"""What several test files share."""

from __future__ import annotations

import compileall
import importlib
import math
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.command_line import HERE, SHARED_CACHE

from perfbench.datasets.generator import files
from perfbench.datasets.generator.recipe import Recipe
from perfbench.runner.machine import count_usable_cores
from perfbench.util import paths


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--refresh-golden", action="store_true", help="write the golden files anew")


def pytest_configure(config: pytest.Config) -> None:
    """The command lines of the tests write no bytecode: without this each of them would compile all of perfbench anew."""
    if not hasattr(config, "workerinput"):
        for folder in (paths.PACKAGE_FOLDER, paths.bundled_folder("scenarios")):
            compileall.compile_dir(folder, quiet=2)


def pytest_xdist_auto_num_workers() -> int:
    """Half as many again as there are cores: much of the time a test waits for a process that waits."""
    return math.ceil(1.5 * count_usable_cores())


@pytest.fixture(scope="session")
def refresh_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written and not compared."""
    return bool(request.config.getoption("--refresh-golden"))


@pytest.fixture(scope="module", autouse=True)
def one_cache_for_scenarios(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The tests of shipped scenarios build what their modes need once, and not once for each test."""
    if "scenarios" not in request.path.relative_to(HERE).parts:
        yield
        return
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache-of-scenarios"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SHARED_CACHE, str(folder))
        yield


@pytest.fixture(scope="module")
def shipped() -> Iterator[Callable[[str], Any]]:
    """Imports a file of the folder of scenarios."""
    folder = str(paths.bundled_folder("scenarios"))
    sys.path.append(folder)
    yield importlib.import_module
    sys.path.remove(folder)


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small sound market file, 60 updates."""
    path = tmp_path_factory.mktemp("market") / "good"
    files.write_market(Recipe(seed=9, runners=3, updates=60, bsp=True, in_play=True), path)
    return path
