"""``[tool.perfbench]`` of pyproject.toml, or perfbench.toml: defaults for the options of every command.

Precedence: a flag, an environment variable ``PERFBENCH_<COMMAND>_<OPTION>``, the file, the built-in default.

    [tool.perfbench.run]
    data = ["PRO-1.170258213"]
    max-time = 60

    [tool.perfbench.environments]
    then = "betfairlightweight==2.11.2"
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from perfbench.errors import UsageProblem
from perfbench.util.suggest import suggest_name

CONFIG_FILE = "perfbench.toml"
PYPROJECT_FILE = "pyproject.toml"
ENVIRONMENTS_TABLE = "environments"
"""The section of named environment specs; it holds no defaults of the command of that name."""


def load_defaults(named: Path | None, folder: Path, commands: set[str]) -> dict[str, dict[str, Any]]:
    """The defaults by command and option, from the named file, else from perfbench.toml or pyproject.toml in the folder.

    Raises UsageProblem for a file that cannot be read and for an unknown section.
    """
    path = named or next((folder / name for name in (CONFIG_FILE, PYPROJECT_FILE) if (folder / name).is_file()), None)
    if path is None:
        return {}
    document = _read_tables(path)
    settings = document.get("tool", {}).get("perfbench", {}) if path.name == PYPROJECT_FILE else document
    for key, section in settings.items():
        if (
            key == ENVIRONMENTS_TABLE
            and isinstance(section, dict)
            and all(isinstance(spec, str) for spec in section.values())
        ):
            continue
        if key not in commands or not isinstance(section, dict):
            raise UsageProblem(f"{path}: `{key}` is not a command of perfbench{suggest_name(key, commands)}")
    return {
        command: section
        if command == ENVIRONMENTS_TABLE
        else {option.replace("-", "_"): value for option, value in section.items()}
        for command, section in settings.items()
    }


def _read_tables(path: Path) -> dict[str, Any]:
    try:
        return msgspec.toml.decode(path.read_bytes(), type=dict[str, Any])
    except OSError as error:
        raise UsageProblem(f"{path} cannot be read: {error.strerror}") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise UsageProblem(f"{path} is not TOML: {error}") from error
