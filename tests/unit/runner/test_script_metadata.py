"""What a program declares of its Python and its packages (PEP 723)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.runs import scenario

from perfbench.errors import ScenarioProblem
from perfbench.model import Environment, Package, Scenario
from perfbench.runner.script_metadata import ScriptMetadata, add_script_needs, read_metadata

BLOCK = """\
# A backtest.
# /// script
# requires-python = ">=3.8"
# dependencies = [
#     "flumine>=3",
#     "pandas==2.2.0; python_version >= \'3.11\'",
#     "orjson",
# ]
# ///
import flumine
"""


def installed(version: str = "3.11.7", demanded: tuple[str, ...] = (), **packages: str) -> Environment:
    return Environment(
        "here",
        "python",
        version,
        tuple(Package(name, release) for name, release in packages.items()),
        tuple((name, packages[name]) for name in demanded),
    )


def program(folder: Path, text: str) -> Scenario:
    path = folder / "mine.py"
    path.write_text(text)
    return replace(scenario("run", name="mine"), program=f"{path}:run")


def needs(described: Scenario) -> tuple[tuple[str, ...], tuple[str, ...]]:
    (mode,) = described.modes
    return mode.needs, mode.missing


def test_block_of_a_script_is_read_wherever_it_stands() -> None:
    assert read_metadata(BLOCK) == ScriptMetadata(
        ">=3.8", ("flumine>=3", "pandas==2.2.0; python_version >= '3.11'", "orjson")
    )
    assert read_metadata(BLOCK.replace("\n", "\r\n")) == read_metadata(BLOCK)


@pytest.mark.parametrize(
    "text", ["", "import flumine\n", "# /// script\n# dependencies = [1]\n", "# /// other\n# x\n# ///\n"]
)
def test_script_without_a_block_declares_nothing(text: str) -> None:
    assert read_metadata(text) == ScriptMetadata()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (BLOCK + BLOCK, "two `# /// script` blocks"),
        ("# /// script\n# dependencies = [\n# ///\n", "its `# /// script` block is not TOML"),
        ("# /// script\n# dependencies = [1]\n# ///\n", "has other values than texts"),
        ('# /// script\n# dependencies = "flumine"\n# ///\n', "has other values than texts"),
        ("# /// script\n# requires-python = 3\n# ///\n", "has other values than texts"),
    ],
)
def test_invalid_block_is_refused_in_one_line(text: str, reason: str) -> None:
    with pytest.raises(ScenarioProblem, match=reason):
        read_metadata(text)


def test_declared_packages_are_needs_and_those_that_are_not_installed_are_missing(tmp_path: Path) -> None:
    described = add_script_needs(program(tmp_path, BLOCK), installed(flumine="3.3.2", orjson="3.10"))
    assert needs(described) == (("flumine>=3", "pandas==2.2.0", "orjson"), ("pandas==2.2.0",))


def test_package_that_the_environment_names_has_the_version_of_that(tmp_path: Path) -> None:
    described = add_script_needs(program(tmp_path, BLOCK), installed(demanded=("flumine",), flumine="2.13.11"))
    assert needs(described)[0] == ("pandas==2.2.0", "orjson")


def test_package_for_another_python_is_not_needed(tmp_path: Path) -> None:
    described = add_script_needs(program(tmp_path, BLOCK), installed("3.10.1", flumine="3.3.2"))
    assert needs(described)[0] == ("flumine>=3", "orjson")


def test_environment_with_another_python_is_refused(tmp_path: Path) -> None:
    text = BLOCK.replace(">=3.8", ">=3.12")
    with pytest.raises(ScenarioProblem, match=r"mine: it requires Python >=3\.12, and here has 3\.11\.7"):
        add_script_needs(program(tmp_path, text), installed())


@pytest.mark.parametrize(
    ("dependency", "reason"),
    [
        ("flumine @ https://host/flumine.whl", "is a URL"),
        ("flu mine", "`flu mine` is not a requirement"),
    ],
)
def test_dependency_that_cannot_be_added_is_refused(tmp_path: Path, dependency: str, reason: str) -> None:
    with pytest.raises(ScenarioProblem, match=reason):
        add_script_needs(program(tmp_path, BLOCK.replace("orjson", dependency)), installed())


def test_scenario_file_declares_nothing() -> None:
    described = scenario("replay", "lightweight")
    assert add_script_needs(described, installed()) is described
