"""Source of the shipped scenario files: where a scenario is, and the code of its modes."""

from __future__ import annotations

import ast
from functools import lru_cache
from pathlib import Path

from perfbench_docs.project import ROOT


@lru_cache(maxsize=64)
def find_scenario(name: str) -> Path | None:
    """The file of a shipped scenario; None if there is none of that name."""
    return next(iter(sorted((ROOT / "scenarios").glob(f"[!_]*/{name}.py"))), None)


def read_mode_source(scenario: str, mode: str) -> str:
    """The code of a mode with its decorators; empty if the file has no function of that name (any more)."""
    path = find_scenario(scenario)
    if path is None:
        return ""
    text = path.read_text(encoding="utf-8")
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name == mode:
            first = min((node.lineno, *(decorator.lineno for decorator in node.decorator_list)))
            return "\n".join(text.splitlines()[first - 1 : node.end_lineno]) + "\n"
    return ""


def list_scenarios_with_advice() -> dict[str, Path]:
    """The shipped scenarios whose ``CLAIMS`` have advice in words, by name."""
    files = sorted((ROOT / "scenarios").glob("[!_]*/[!_]*.py"))
    return {path.stem: path for path in files if _has_advice(path)}


def _has_advice(path: Path) -> bool:
    """Whether ``CLAIMS`` has a claim with a ``text``, which is the sixth value or a keyword."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CLAIMS":
            calls = [call for call in ast.walk(node.value) if isinstance(call, ast.Call)]
            return any(len(call.args) > 5 or any(k.arg == "text" for k in call.keywords) for call in calls)
    return False
