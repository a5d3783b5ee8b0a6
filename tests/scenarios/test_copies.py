"""What a user copies: a scenario file, with the file beside it that it imports."""

from __future__ import annotations

import ast
import json
import re
import shutil
import sys
from pathlib import Path

import pytest
from support.command_line import QUICK, perfbench
from support.scenarios import SHIPPED, list_scenario_paths, scenario_path

from perfbench.model import Environment
from perfbench.runner.scenarios import describe_scenario, find_topics

HERE = Environment("here", sys.executable)
NAMES = [path.stem for path in list_scenario_paths()]
SMOKED = {
    "replay": ("replay", "lightweight"),
    "memory": ("soak", "closed"),
    "calculation": ("vwap", "running_sums"),
    "network": ("connections", "session"),
    "database": ("batch_inserts", "executemany_batches"),
}
"""A scenario of each topic, and a mode of it that needs nothing else."""


def neighbours(path: Path) -> set[str]:
    """The files beside a scenario that it, or one of them, names: those that it imports and those that it runs."""
    named = set(re.findall(r"\b(_\w+)(?= import|\.py\b)", path.read_text()))
    return {name for name in named if path.with_name(f"{name}.py").is_file()}


def copy(name: str, folder: Path) -> Path:
    folder.mkdir()
    path = scenario_path(name)
    for beside in neighbours(path):
        shutil.copy(path.with_name(f"{beside}.py"), folder)
    return Path(shutil.copy(path, folder))


@pytest.mark.parametrize("name", NAMES)
def test_copy_in_another_folder_is_described_as_the_original_is(name: str, tmp_path: Path) -> None:
    copied, original = (describe_scenario(path, HERE) for path in (copy(name, tmp_path / "own"), scenario_path(name)))
    assert copied.path == str(tmp_path / "own" / f"{name}.py")
    assert (copied.modes, copied.claims, copied.metrics, copied.sha256) == (
        original.modes,
        original.claims,
        original.metrics,
        original.sha256,
    )


@pytest.mark.parametrize("topic", find_topics())
def test_copy_of_a_scenario_of_each_topic_is_measured(topic: str, tmp_path: Path) -> None:
    name, mode = SMOKED[topic]
    copy(name, tmp_path / "own")
    chosen = ("--scenarios", tmp_path / "own", "--mode", mode, "--data", "sample-win", "--save", "copied")
    done = perfbench("run", name, *QUICK, *chosen, folder=tmp_path, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads((tmp_path / "results" / "copied.json").read_text())
    measured = {m["case"]["mode"]: len(m["samples"]) for m in document["measurements"]}
    assert measured[mode] >= 1


@pytest.mark.parametrize("name", NAMES)
def test_scenario_needs_at_most_one_file_beside_it(name: str) -> None:
    assert len(neighbours(scenario_path(name))) <= 1


def test_every_file_beside_scenarios_is_used_by_one_of_them_and_imports_none() -> None:
    beside = {path.stem for path in SHIPPED.glob("*/_*.py")}
    assert {name for path in list_scenario_paths() for name in neighbours(path)} == beside
    assert not [path.name for path in SHIPPED.glob("*/_*.py") if neighbours(path)]
    assert not list(SHIPPED.glob("*.py"))


def test_needs_of_all_scenarios_are_pins_of_the_kit() -> None:
    for path in list_scenario_paths():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "needs":
                texts = [part for part in ast.walk(node.value) if isinstance(part, ast.Constant)]
                assert not texts, f"{path.name}:{node.value.lineno} names a version that perfbench.kit.pins does not"


def test_scenarios_import_nothing_of_perfbench_but_its_api_and_the_kit() -> None:
    """The generator of markets is the one exception: it is data, and needs Python 3.10."""
    imported = {
        (path.name, module)
        for path in SHIPPED.glob("*/*.py")
        for module in re.findall(r"^\s*from (perfbench(?:\.\w+)*) import", path.read_text(), re.MULTILINE)
        if module != "perfbench" and not module.startswith("perfbench.kit")
    }
    assert imported == {
        ("_day.py", "perfbench.datasets.generator.market"),
        ("_day.py", "perfbench.datasets.generator.recipe"),
    }
