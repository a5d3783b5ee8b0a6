"""The shipped scenario files, and modules that stand beside them."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

from perfbench.runner.scenarios import find_scenario_files
from perfbench.util import paths

SHIPPED = paths.bundled_folder("scenarios")


def scenario_path(name: str) -> Path:
    """The file of a shipped scenario."""
    return find_scenario_files([])[name]


def list_scenario_paths() -> list[Path]:
    """The files of all shipped scenarios, by name."""
    return [path for _, path in sorted(find_scenario_files([]).items())]


def import_shipped(name: str) -> ModuleType:
    """A module of the kit by its full name, or a file of a topic by the name of the file without its suffix."""
    if not name.startswith("perfbench."):
        (path,) = SHIPPED.glob(f"*/{name}.py")
        if str(path.parent) not in sys.path:
            sys.path.append(str(path.parent))
    return importlib.import_module(name)
