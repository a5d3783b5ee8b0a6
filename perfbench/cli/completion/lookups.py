"""Words that depend on the folder or on the rest of the line: scenarios, modes, parameters, saved runs, environments."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Protocol

SCENARIOS_OPTION, RESULTS_OPTION = "--scenarios", "--results"
DEFAULT_RESULTS = "results"
DEFAULT_SCENARIO = "replay"

SAVED_SUFFIXES = {
    "run": (".json", ".journal"),
    "profile": (".profile.json", ".profile.journal"),
    "advice": (".advice.json", ".advice.journal"),
}
"""How the names of saved files end, by kind; each name belongs to the kind with the longest suffix."""

OTHER_SUFFIXES = ("-against.json",)

Candidate = tuple[str, str]
"""A word that may come next, and what it is."""


class ReadLine(Protocol):
    """What a lookup has to know of the line."""

    @property
    def values(self) -> Mapping[str, Sequence[str]]:
        """The values of its options so far, by their names."""

    @property
    def arguments(self) -> Sequence[str]:
        """Its arguments so far."""


def _list_scenarios(line: ReadLine) -> list[Candidate]:
    """The shipped scenarios by name and topic, and those of the folders on the line."""
    files = _find_scenario_files(line)
    topics = sorted({os.path.basename(os.path.dirname(path)) for name, path in files.items() if name in _shipped()})
    return [*((name, "scenario") for name in sorted(files)), *((topic, "topic") for topic in topics)]


def _shipped() -> dict[str, str]:
    package = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
    for folder in (os.path.join(package, "bundled", "scenarios"), os.path.join(os.path.dirname(package), "scenarios")):
        if os.path.isdir(folder):
            files = {}
            for topic in os.listdir(folder):
                if not topic.startswith(("_", ".")):
                    files.update(_list_files(os.path.join(folder, topic)))
            return files
    return {}


def _list_files(folder: str) -> dict[str, str]:
    try:
        names = os.listdir(folder)
    except OSError:
        return {}
    return {
        name[:-3]: os.path.join(folder, name) for name in names if name.endswith(".py") and not name.startswith("_")
    }


def _find_scenario_files(line: ReadLine) -> dict[str, str]:
    files = _shipped()
    for folder in line.values.get(SCENARIOS_OPTION, []):
        files.update(_list_files(folder))
    return files


def _read_modes(line: ReadLine) -> list[object]:
    """The functions of the modes of the scenarios on the line, as syntax trees; of the default one if none is named."""
    import ast  # noqa: PLC0415 - a tenth of the time that there is

    files = _find_scenario_files(line)
    named = [*line.values.get("--scenario", []), *line.arguments]
    topics = {name: os.path.basename(os.path.dirname(path)) for name, path in files.items()}
    chosen = [n for n in files if n in named or topics[n] in named]
    paths = [files[name] for name in chosen] or [
        path for path in named if path.endswith(".py") and os.path.isfile(path)
    ]
    functions: list[object] = []
    for path in paths or [path for name, path in files.items() if name == DEFAULT_SCENARIO]:
        try:
            with open(path, "rb") as file:
                tree = ast.parse(file.read())
        except (OSError, ValueError, SyntaxError):
            continue
        functions += [node for node in tree.body if isinstance(node, ast.FunctionDef) and _find_mark(node) is not None]
    return functions


def _find_mark(function: object) -> object | None:
    """The decorator that makes a function a mode; None without one."""
    for decorator in getattr(function, "decorator_list", ()):
        marked = getattr(decorator, "func", decorator)
        if getattr(marked, "id", "") == "mode" or getattr(marked, "attr", "") == "mode":
            return decorator  # type: ignore[no-any-return]
    return None


def _list_modes(line: ReadLine) -> list[Candidate]:
    """The modes and the groups of modes."""
    modes, groups = [], {}
    for function in _read_modes(line):
        modes.append((str(getattr(function, "name", "")), "mode"))
        for keyword in getattr(_find_mark(function), "keywords", ()):
            if keyword.arg == "group" and isinstance(getattr(keyword.value, "value", None), str):
                groups[keyword.value.value] = "group of modes"
    return [*dict.fromkeys(modes), *groups.items()]


def _list_parameters(line: ReadLine) -> list[Candidate]:
    """``window=`` for each parameter of the modes."""
    names = {
        str(argument.arg)
        for function in _read_modes(line)
        for argument in getattr(getattr(function, "args", None), "kwonlyargs", ())
    }
    return [(f"{name}=", "parameter") for name in sorted(names)]


def _list_saved(kind: str) -> Callable[[ReadLine], list[Candidate]]:
    def list_names(line: ReadLine) -> list[Candidate]:
        folder = (line.values.get(RESULTS_OPTION) or [DEFAULT_RESULTS])[-1]
        try:
            files = os.listdir(folder)
        except OSError:
            return []
        return [(name, f"saved {kind}") for name in sorted(filter(None, (_strip(file, kind) for file in files)))]

    return list_names


def _strip(file: str, kind: str) -> str:
    """The name of a saved file of this kind; empty for another."""
    others = [
        *OTHER_SUFFIXES,
        *(suffix for name in SAVED_SUFFIXES if name not in ("run", kind) for suffix in SAVED_SUFFIXES[name]),
    ]
    if file.endswith(tuple(others)):
        return ""
    return next((file[: -len(suffix)] for suffix in SAVED_SUFFIXES[kind] if file.endswith(suffix)), "")


def _list_environments(_line: ReadLine) -> list[Candidate]:
    """``here``, and the configured names of environments."""
    named: list[str] = []
    for file, tables in (("perfbench.toml", ()), ("pyproject.toml", ("tool", "perfbench"))):
        if os.path.isfile(file):
            named = _read_names(file, tables)
            break
    return [("here", "the environment of perfbench"), *((name, "configured environment") for name in named)]


def _read_names(file: str, tables: Sequence[str]) -> list[str]:
    try:
        tomllib = import_module("tomllib")  # new in Python 3.11
    except ImportError:
        return []
    try:
        with open(file, "rb") as content:
            section = tomllib.load(content)
        shared = section.get("tool", {}).get("perfbench")
        for name in tables if shared is None else ("tool", "perfbench"):
            section = section[name]
        return sorted(section.get("environments", {}))
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return []


def _list_sides(line: ReadLine) -> list[Candidate]:
    """What ``compare`` puts side by side: environments or saved runs."""
    return [*_list_environments(line), *_list_saved("run")(line)]


LOOKUPS: dict[str, Callable[[ReadLine], list[Candidate]]] = {
    "scenario": _list_scenarios,
    "mode": _list_modes,
    "parameter": _list_parameters,
    "environment": _list_environments,
    "side": _list_sides,
    "run": _list_saved("run"),
    "profile": _list_saved("profile"),
}
"""What makes the words of a kind that depend on the folder or on the rest of the line."""
