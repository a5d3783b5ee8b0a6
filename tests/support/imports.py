"""What the modules of perfbench import, read from their source: at the top, or in a function, and after which guard."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

GUARDS = ("require_extra", "has_extra")


@dataclass(frozen=True)
class Import:
    """One imported name: the module, and what is taken from it (empty: the module itself).

    ``guards`` are the extras that were asked for earlier in the same function; None at the top of a module.
    """

    module: str
    name: str
    line: int
    guards: frozenset[str] | None

    def targets(self, modules: Mapping[str, object]) -> Iterator[str]:
        """The modules of perfbench that this runs, among these: with the packages around them."""
        full = f"{self.module}.{self.name}" if f"{self.module}.{self.name}" in modules else self.module
        parts = full.split(".")
        yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1) if ".".join(parts[:end]) in modules)


@cache
def read_imports(package: Path) -> dict[str, tuple[Import, ...]]:
    """The imports of every module of a package, by the name of the module; those for type checkers are left out."""
    return {_name(path, package): tuple(_imports(path)) for path in sorted(package.rglob("*.py"))}


def _name(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(path: Path) -> Iterator[Import]:
    yield from _walk(ast.parse(path.read_text()).body, None)


def _walk(body: list[ast.stmt], guards: set[str] | None) -> Iterator[Import]:
    """The imports of statements in their order; a function begins with no guard."""
    for statement in body:
        if guards is not None:
            guards |= _guards_of(statement)
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield from _imported(statement, guards)
        elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _walk(statement.body, set())
        elif isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING":
            yield from _walk(statement.orelse, guards)
        else:
            for field in ("body", "orelse", "finalbody"):
                yield from _walk(getattr(statement, field, []), guards)
            for handler in getattr(statement, "handlers", []):
                yield from _walk(handler.body, guards)


def _guards_of(statement: ast.stmt) -> set[str]:
    """The extras that a statement asks for, not looking into functions inside it."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return set()
    head = [statement.test] if isinstance(statement, (ast.If, ast.While)) else [statement]
    return {
        str(call.args[0].value)
        for part in head
        for call in ast.walk(part)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in GUARDS
        if call.args and isinstance(call.args[0], ast.Constant)
    }


def _imported(statement: ast.Import | ast.ImportFrom, guards: set[str] | None) -> Iterator[Import]:
    asked = None if guards is None else frozenset(guards)
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            yield Import(alias.name, "", statement.lineno, asked)
    else:
        assert statement.level == 0, "perfbench has no relative imports"
        for alias in statement.names:
            yield Import(str(statement.module), alias.name, statement.lineno, asked)
