"""Names of the functions of frames: path inside the package and qualified name, the same in every environment.

Line numbers change with every comment above them, and ``co_qualname`` exists since Python 3.11 only; so the source is parsed by
the Python that runs it. Comprehensions and lambdas are named as Python does, after the function around them.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import sys
import sysconfig
from typing import Dict, Iterator, List, Optional, Tuple, Union

from perfbench.worker.bytecode import INSTALLED_FOLDERS
from perfbench.worker.program_spec import find_program
from perfbench.worker.protocol import Function

BUILT_IN_FILE = "~"
"""The file of functions without one."""

PACKAGE_DIRECTORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

KIT_DIRECTORY = os.path.join(PACKAGE_DIRECTORY, "kit") + os.sep
"""Its functions do the work of scenarios and are measured; the rest of the package is not."""

INITIAL_SYS_PATH = tuple(sys.path)
"""Folders of packages. Those that a scenario adds, such as the folder of a strategy, are the user's."""

COMPREHENSION_NAMES = {
    ast.ListComp: "<listcomp>",
    ast.SetComp: "<setcomp>",
    ast.DictComp: "<dictcomp>",
    ast.GeneratorExp: "<genexpr>",
    ast.Lambda: "<lambda>",
}

FunctionDefinition = Union[ast.FunctionDef, ast.AsyncFunctionDef]


class FunctionNamer:
    """Names functions and caches the parsed files."""

    def __init__(self, scenario: str) -> None:
        """:param scenario: path of the scenario file, whose folder's files are shown by name alone; or the spec of a program,
        whose folder's files are the user's.
        """
        program = find_program(scenario)
        self._scenarios = os.path.dirname(os.path.abspath(scenario)) if program is None else ""
        self._sources: Dict[str, _SourceFunctions] = {}
        self._roots = _list_import_roots()
        self._users = "" if program is None else os.path.join(program.folder, "")
        self._inner = [*(root for root, kind in self._roots if kind == "standard"), PACKAGE_DIRECTORY + os.sep]

    def named(self, file: str, line: int, name: str) -> Function:
        """The function of a code object, by its file, first line and name, which may include the class."""
        if file in (BUILT_IN_FILE, "<built-in>"):
            return Function(_name_built_in(name), "built-in", 0, "")
        kind, path = self._locate(file)
        definition = self._source(file).at(line, name.rpartition(".")[2])
        if definition is None:
            return Function("{}:{}".format(path, name), kind, line, "")
        qualified, shape = definition
        return Function("{}:{}".format(path, qualified), kind, line, shape)

    def qualified(self, file: str, name: str) -> Function:
        """The function with this qualified name (``co_qualname``)."""
        name = name.replace(".<locals>", "")
        kind, path = self._locate(file)
        line, shape = self._source(file).called(name)
        return Function("{}:{}".format(path, name), kind, line, shape)

    def _source(self, file: str) -> _SourceFunctions:
        if file not in self._sources:
            self._sources[file] = _SourceFunctions(file)
        return self._sources[file]

    def _locate(self, file: str) -> Tuple[str, str]:
        """The kind of a function by its file, and its path that is the same in every environment."""
        if file.startswith("<"):
            return "standard", file
        full = os.path.abspath(file)
        if self._is_users(full):
            return "user", full[len(self._users) :].replace(os.sep, "/")
        # Before perfbench itself: a wheel contains the shipped scenarios.
        if self._scenarios and os.path.dirname(full) == self._scenarios:
            return "scenario", os.path.basename(full)
        if full.startswith(PACKAGE_DIRECTORY + os.sep):
            kind = "scenario" if full.startswith(KIT_DIRECTORY) else "perfbench"
            return kind, "perfbench" + full[len(PACKAGE_DIRECTORY) :].replace(os.sep, "/")
        for root, kind in self._roots:
            if full.startswith(root):
                return kind, full[len(root) :].replace(os.sep, "/")
        return "user", os.path.basename(full)

    def _is_users(self, full: str) -> bool:
        """Whether a file is in the folder of the program, and neither of a package installed there nor of perfbench."""
        if not self._users or not full.startswith(self._users) or not INSTALLED_FOLDERS.isdisjoint(full.split(os.sep)):
            return False
        return not any(root.startswith(self._users) and full.startswith(root) for root in self._inner)


def _name_built_in(name: str) -> str:
    """``dict.get`` and ``sorted`` for every profiler: cProfile's name is ``<method 'get' of 'dict' objects>``."""
    method = re.match(r"<method '(\w+)' of '([\w.]+)' objects>", name)
    if method is not None:
        return "{}.{}".format(method[2], method[1])
    function = re.match(r"<built-in method (?:.*\.)?(\w+)>", name)
    return name if function is None else function[1]


def _list_import_roots() -> List[Tuple[str, str]]:
    """Folders that modules are imported from, with the kind of their modules; the longest first."""
    kinds: Dict[str, str] = {}
    standard = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
    for entry in [*INITIAL_SYS_PATH, *standard]:
        if entry and os.path.isdir(entry):
            kinds[os.path.abspath(entry) + os.sep] = "library"
            kinds[os.path.realpath(entry) + os.sep] = "library"
    for entry in standard:
        for path in (os.path.abspath(entry), os.path.realpath(entry)):
            kinds[path + os.sep] = "standard"
    return sorted(kinds.items(), key=lambda item: -len(item[0]))


class _SourceFunctions:
    """The functions of a file; none for a file that cannot be read or parsed."""

    def __init__(self, file: str) -> None:
        self._by_line: Dict[Tuple[int, str], Tuple[str, str]] = {}
        self._by_name: Dict[str, Tuple[int, str]] = {}
        try:
            with open(file, "rb") as source:
                tree = ast.parse(source.read())
        except (OSError, SyntaxError, ValueError, RecursionError):
            return
        for line, name, qualified, shape in _iterate_functions(tree, (), ""):
            self._by_line.setdefault((line, name), (qualified, shape))
            self._by_name.setdefault(qualified, (line, shape))

    def at(self, line: int, name: str) -> Optional[Tuple[str, str]]:
        """Qualified name and shape of the function with this name and first line."""
        return self._by_line.get((line, name))

    def called(self, name: str) -> Tuple[int, str]:
        """First line and shape of the function with this qualified name."""
        return self._by_name.get(name, (0, ""))


def _iterate_functions(node: ast.AST, outer: Tuple[str, ...], shape: str) -> Iterator[Tuple[int, str, str, str]]:
    """First line (as the compiler counts it), name, qualified name and shape of every function below a node."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield from _iterate_functions(child, (*outer, child.name), shape)
        elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inner = (*outer, child.name)
            own = _hash_shape(child)
            first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
            yield first, child.name, ".".join(inner), own
            yield from _iterate_functions(child, inner, own)
        elif type(child) in COMPREHENSION_NAMES:
            name = COMPREHENSION_NAMES[type(child)]
            yield child.lineno, name, ".".join((*outer, name)), shape + name  # type: ignore[attr-defined]
            yield from _iterate_functions(child, (*outer, name), shape)
        else:
            yield from _iterate_functions(child, outer, shape)


def _hash_shape(definition: FunctionDefinition) -> str:
    """A hash that is the same for functions of the same code, including names of variables, without name and docstring."""
    body = definition.body
    documented = isinstance(body[0], ast.Expr) and isinstance(getattr(body[0], "value", None), ast.Constant)
    parts = [definition.args, *definition.decorator_list, *(body[1:] if documented else body)]
    text = type(definition).__name__ + "".join(ast.dump(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
