"""Optional packages: each belongs to an extra, none is imported before it is asked for, and what is missing is one line."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from support.command_line import HERE
from support.imports import Import, read_imports

from perfbench.errors import ExitCode, ExtraMissing
from perfbench.util import extras
from perfbench.util.extras import EXTRAS, has_extra, require_extra

ROOT = HERE.parent
PROJECT = msgspec.toml.decode((ROOT / "pyproject.toml").read_bytes())["project"]
PACKAGE = ROOT / "perfbench"

IN_ENVIRONMENTS = (
    "perfbench.kit",
    "perfbench.worker",
    "perfbench.advise.levers",
    "perfbench.gate.calibration.tools.passes",
)
"""They run in measured interpreters, which have the packages of their specs and of the ``needs`` of modes."""

LOADED_BY_NAME = ("perfbench.cli.commands.", "perfbench.report.formats.", "perfbench.gate.calibration.tools.")
"""Folders whose modules are imported by their name, and so before anything can be asked for."""

ENTRIES = ("perfbench", "perfbench.__main__", "perfbench.cli.app")
FOR_DEVELOPERS = {"all", "docs"}
MODULE_NAMES = {"memory-profiler": "memory_profiler"}


def names_of(requirements: list[str]) -> set[str]:
    """The modules of requirements."""
    names = {re.split(r"[^\w.-]", requirement, maxsplit=1)[0] for requirement in requirements}
    return {MODULE_NAMES.get(name, name) for name in names}


def host_modules() -> dict[str, tuple[Import, ...]]:
    """The imports of all modules that run where perfbench is installed."""
    return {name: found for name, found in read_imports(PACKAGE).items() if not name.startswith(IN_ENVIRONMENTS)}


def extras_of(module: str) -> frozenset[str]:
    """The extras that bring a module from elsewhere."""
    top = module.partition(".")[0]
    return frozenset(extra for extra, modules in EXTRAS.items() if top in modules)


def needed_at_the_top(modules: dict[str, tuple[Import, ...]]) -> dict[str, dict[str, str]]:
    """The optional packages that importing a module imports at once, directly or not, each with the module that does."""
    needed: dict[str, dict[str, str]] = {name: {} for name in modules}
    for name, found in modules.items():
        for one in found:
            if one.guards is None and extras_of(one.module):
                needed[name][one.module.partition(".")[0]] = name
    changed = True
    while changed:
        changed = False
        for name, found in modules.items():
            for one in found:
                for target in one.targets(modules) if one.guards is None else ():
                    new = needed[target].keys() - needed[name].keys()
                    needed[name] |= {package: needed[target][package] for package in new}
                    changed = changed or bool(new)
    return needed


def unguarded(modules: dict[str, tuple[Import, ...]]) -> Iterator[str]:
    """Every import of an optional package that nothing asked for before, as a line for a person."""
    needed = needed_at_the_top(modules)
    for name, packages in needed.items():
        if name in ENTRIES or name.startswith(LOADED_BY_NAME):
            yield from (f"{name} imports {package} at once, through {by}" for package, by in packages.items())
    for name, found in modules.items():
        for one in (one for one in found if one.guards is not None):
            brought = [one.module] if extras_of(one.module) else [p for t in one.targets(modules) for p in needed[t]]
            for package in brought:
                top = package.partition(".")[0]
                if top not in needed[name] and not extras_of(top) & (one.guards or frozenset()):
                    yield f"{name}:{one.line} imports {top} and did not ask for one of {', '.join(sorted(extras_of(top)))}"


def test_no_optional_package_is_imported_before_it_is_asked_for() -> None:
    assert list(unguarded(host_modules())) == []


def test_every_package_from_elsewhere_is_of_the_core_or_of_an_extra() -> None:
    core = names_of(PROJECT["dependencies"])
    foreign = {one.module.partition(".")[0] for found in host_modules().values() for one in found}
    assert foreign - set(sys.stdlib_module_names) - {"perfbench"} - core - set().union(*EXTRAS.values()) == set()


def test_the_table_of_extras_is_that_of_the_project() -> None:
    declared = {name: names_of(wanted) for name, wanted in PROJECT["optional-dependencies"].items()}
    everything = declared["all"]
    assert {name: set(modules) for name, modules in EXTRAS.items()} == {
        name: modules for name, modules in declared.items() if name not in FOR_DEVELOPERS
    }
    (text,) = PROJECT["optional-dependencies"]["all"]
    assert text == f"betfair-perfbench[{','.join(sorted(EXTRAS))}]"
    assert everything == {PROJECT["name"]}


def module(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / "perfbench" / f"{name.replace('.', '/')}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (
            "import matplotlib\n",
            ["perfbench.cli.commands.draw imports matplotlib at once, through perfbench.cli.commands.draw"],
        ),
        (
            "from perfbench import plots\n",
            ["perfbench.cli.commands.draw imports matplotlib at once, through perfbench.plots"],
        ),
        (
            "from perfbench.plots import draw\n",
            ["perfbench.cli.commands.draw imports matplotlib at once, through perfbench.plots"],
        ),
        (
            "def draw():\n    import plotext\n",
            ["perfbench.cli.commands.draw:2 imports plotext and did not ask for one of plots"],
        ),
        (
            "def draw():\n    from perfbench import plots\n    require_extra('plots', '--plot')\n",
            ["perfbench.cli.commands.draw:2 imports matplotlib and did not ask for one of plots"],
        ),
        (
            "def draw():\n    require_extra('profile', '--plot')\n    from perfbench import plots\n",
            ["perfbench.cli.commands.draw:3 imports matplotlib and did not ask for one of plots"],
        ),
        (
            "def ask():\n    require_extra('plots', '--plot')\ndef draw():\n    from perfbench import plots\n",
            ["perfbench.cli.commands.draw:4 imports matplotlib and did not ask for one of plots"],
        ),
        ("def draw():\n    require_extra('plots', '--plot')\n    from perfbench import plots\n", []),
        ("def draw():\n    if has_extra('plots'):\n        from perfbench import plots\n", []),
        ("if TYPE_CHECKING:\n    from perfbench import plots\n", []),
    ],
)
def test_an_unguarded_import_is_found(tmp_path: Path, command: str, found: list[str]) -> None:
    module(tmp_path, "__init__", "")
    module(tmp_path, "cli.commands.draw", command)
    module(tmp_path, "plots", "from matplotlib.figure import Figure\n")
    assert list(unguarded(read_imports(tmp_path / "perfbench"))) == found


def test_missing_packages_are_one_line_with_the_command_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in ("plotext", "matplotlib") else object()
    )
    with pytest.raises(ExtraMissing) as caught:
        require_extra("plots", "--plot")
    assert caught.value.lines == (
        "--plot needs matplotlib and plotext, which are not installed",
        "hint: pip install 'betfair-perfbench[plots]'",
    )
    assert caught.value.exit_code is ExitCode.USAGE
    with pytest.raises(ExtraMissing, match="--plot needs matplotlib, which is not installed"):
        require_extra("plots", "--plot", "matplotlib")
    assert not has_extra("plots", "plotext")
    assert has_extra("exchange")
    assert extras.find_extra("matplotlib.figure") == "plots"
    assert extras.find_extra("json") == ""
    omitted = extras.describe_omission("plots", "plots")
    assert omitted == "plots left out: matplotlib and plotext not installed (pip install 'betfair-perfbench[plots]')"
