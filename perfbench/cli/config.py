"""``[tool.perfbench]`` of pyproject.toml, or perfbench.toml: defaults for the options of every command.

Precedence: a flag, an environment variable ``PERFBENCH_<COMMAND>_<OPTION>``, the file, the built-in default.

    [tool.perfbench.run]
    data = ["PRO-1.170258213"]
    max-time = 60

    [tool.perfbench.environments]
    then = "betfairlightweight==2.11.2"
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from perfbench.errors import UsageProblem
from perfbench.util.suggest import suggest_name

CONFIG_FILE = "perfbench.toml"
PYPROJECT_FILE = "pyproject.toml"
SHARED_TABLE = ("tool", "perfbench")
ENVIRONMENTS_TABLE = "environments"
"""The section of named environment specs; it holds no defaults of the command of that name."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings of each command as they stand in ``file``, below the table ``prefix``, and the named environment specs."""

    file: str = ""
    prefix: str = ""
    commands: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    environments: Mapping[str, str] = field(default_factory=dict)

    def section(self, *names: str) -> str:
        """The name of a section as it stands in the file."""
        return ".".join((*((self.prefix,) if self.prefix else ()), *names))


def load_configuration(named: Path | None, folder: Path, commands: Set[str]) -> Configuration:
    """The configuration of the named file, else of perfbench.toml or pyproject.toml in the folder.

    The sections of a command are top-level tables, or stand in ``[tool.perfbench]``, as in every pyproject.toml.

    Raises UsageProblem for a file that cannot be read, an unknown section, and a section that is no table.
    """
    path = named or next((folder / name for name in (CONFIG_FILE, PYPROJECT_FILE) if (folder / name).is_file()), None)
    if path is None:
        return Configuration()
    document = _read_tables(path)
    shared: Any = document
    for key in SHARED_TABLE:
        shared = shared.get(key) if isinstance(shared, dict) else None
    is_shared = path.name == PYPROJECT_FILE or shared is not None
    settings = (shared if shared is not None else {}) if is_shared else document
    prefix = ".".join(SHARED_TABLE) if is_shared else ""
    file = path.name if named is None else str(path)
    if not isinstance(settings, dict):
        raise UsageProblem(f"{file}: {prefix} is not a table", hint=f"write a section [{prefix}.run]")
    configuration = Configuration(file, prefix, {}, {})
    return Configuration(
        file,
        prefix,
        {
            name: _require_section(configuration, name, settings[name], commands)
            for name in settings
            if name != ENVIRONMENTS_TABLE
        },
        _require_specs(configuration, settings.get(ENVIRONMENTS_TABLE, {})),
    )


def _require_section(configuration: Configuration, name: str, section: Any, commands: Set[str]) -> dict[str, Any]:
    """The section of a command. Raises UsageProblem."""
    if name not in commands:
        raise UsageProblem(
            f"{configuration.file}: `{name}` is not a command of perfbench{suggest_name(name, commands)}",
            hint=f"write options into the section of a command, such as [{configuration.section('run')}]",
        )
    if not isinstance(section, dict):
        raise UsageProblem(
            f"{configuration.file}: `{name}` is not a section", hint=f"write [{configuration.section(name)}]"
        )
    return section


def _require_specs(configuration: Configuration, specs: Any) -> dict[str, str]:
    """The named environment specs. Raises UsageProblem."""
    section = configuration.section(ENVIRONMENTS_TABLE)
    for name, spec in specs.items() if isinstance(specs, dict) else [("", None)]:
        if not isinstance(spec, str) or not spec.strip():
            place = f"{configuration.file}, [{section}] {name}".rstrip()
            raise UsageProblem(f"{place}: not an environment spec", hint='write NAME = "betfairlightweight==2.12.0"')
    return dict(specs)


def _read_tables(path: Path) -> dict[str, Any]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageProblem(
            f"{path} cannot be read: {error.strerror}", hint="name another file with --config"
        ) from error
    except UnicodeDecodeError as error:
        raise UsageProblem(
            f"{path} is not TOML: byte {error.start + 1} is not UTF-8", hint="save it as UTF-8"
        ) from error
    except ValueError as error:
        raise UsageProblem(f"{str(path)!r} is not a path: {error}", hint="name another file with --config") from error
    try:
        return msgspec.toml.decode(text, type=dict[str, Any])
    except RecursionError as error:
        hint = "see docs/reference/configuration.md for an example"
        raise UsageProblem(f"{path} is not TOML: nested too deeply", hint=hint) from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise UsageProblem(f"{path} is not TOML: {error}", hint="write texts in quotation marks") from error
