"""The source of a program, read and never imported: its function, its documentation, and the files of its own that it imports."""

from __future__ import annotations

import ast
import difflib
import hashlib
import inspect
import os
from typing import Dict, Iterable, Iterator, List, Optional, Union

from perfbench.worker.program_spec import ProgramSpec
from perfbench.worker.scenario_api import ProgramError

FunctionDefinition = Union[ast.FunctionDef, ast.AsyncFunctionDef]

SHOWN_NAMES = 5
"""Names of functions in the hint about one that is missing."""


class ProgramSource:
    """The file of a program, parsed."""

    def __init__(self, spec: ProgramSpec) -> None:
        """Raises ProgramError for a missing file and a missing function, SyntaxError for a text that is not valid Python."""
        self.spec = spec
        self.path = os.path.abspath(spec.path)
        try:
            with open(self.path, "rb") as file:
                self._text = file.read()
        except OSError as error:
            raise ProgramError("{}: {}".format(spec.path, error.strerror)) from error
        try:
            self._tree = ast.parse(self._text, self.path)
        except ValueError as error:  # a null byte
            raise ProgramError("{}: {}".format(spec.path, error)) from error
        self._definition = self._find_definition() if spec.function else None
        self._contents: Dict[str, bytes] = {}

    def _find_definition(self) -> Optional[FunctionDefinition]:
        """The definition of the function; None if the file has it from elsewhere, as by an import."""
        definitions = {node.name: node for node in _iterate_statements(self._tree) if isinstance(node, FUNCTIONS)}
        if self.spec.function in definitions:
            return definitions[self.spec.function]
        if self.spec.function not in set(_iterate_names(self._tree)):
            raise ProgramError(*describe_missing_function(self.spec, definitions))
        return None

    @property
    def doc(self) -> str:
        """The first line of the docstring of the function, else of the file; empty without."""
        docs = [ast.get_docstring(node) for node in (self._definition, self._tree) if node is not None]
        return next((inspect.cleandoc(doc).partition("\n")[0] for doc in docs if doc), "")

    @property
    def needs_market(self) -> bool:
        """Whether it is a function that requires an argument: the market."""
        if self._definition is None:
            return False
        arguments = self._definition.args
        positional = len(getattr(arguments, "posonlyargs", ())) + len(arguments.args)
        return positional > len(arguments.defaults) or None in arguments.kw_defaults

    def list_files(self) -> List[str]:
        """The file, and those of its own folder that it imports, directly or through others; in order."""
        return sorted(self._files)

    @property
    def _files(self) -> Dict[str, bytes]:
        """The content of the program's files by path."""
        if not self._contents:
            waiting = [self.path]
            while waiting:
                path = waiting.pop()
                if path not in self._contents:
                    waiting += self._read_file(path)
        return self._contents

    def _read_file(self, path: str) -> List[str]:
        """Read a file of the program; returns the files that it imports."""
        try:
            with open(path, "rb") as file:
                self._contents[path] = file.read()
            tree = ast.parse(self._contents[path])
        except (OSError, SyntaxError, ValueError, RecursionError):
            return []
        return list(_iterate_own_modules(tree, path, self.spec.folder))

    def list_texts(self) -> List[str]:
        """The texts that are constants in the program's files, such as the names of other files."""
        texts = []
        for path, content in self._files.items():
            try:
                tree = ast.parse(content, path)
            except (SyntaxError, ValueError, RecursionError):
                continue
            nodes = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
            texts += [value for value in nodes if isinstance(value, str)]
        return texts

    def compute_sha256(self, others: Iterable[str]) -> str:
        """The SHA-256 of the program's files, and of the content of these."""
        digest = hashlib.sha256()
        for path in self.list_files():
            digest.update(hashlib.sha256(self._files[path]).digest())
        for path in sorted(others):
            with open(path, "rb") as file:
                digest.update(hashlib.sha256(file.read()).digest())
        return digest.hexdigest()

    def mentions(self, package: str) -> bool:
        """Whether the name of a package occurs in any of the program's files."""
        return any(package.encode() in content for content in self._files.values())


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
BLOCKS = ("body", "orelse", "finalbody", "handlers")
"""Parts of a statement that contain statements of the same scope."""


def _iterate_statements(node: ast.AST) -> Iterator[ast.AST]:
    """The statements of a module, with those inside of ``if`` and ``try``, and not those of functions and classes."""
    for part in BLOCKS:
        for statement in getattr(node, part, ()):
            yield statement
            if not isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
                yield from _iterate_statements(statement)


def _iterate_names(tree: ast.Module) -> Iterator[str]:
    """The names that a module defines, as far as its text shows them."""
    for statement in _iterate_statements(tree):
        if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
            yield statement.name
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in statement.names)
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            yield from (node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name))


def describe_missing_function(spec: ProgramSpec, names: Iterable[str]) -> List[str]:
    """Cause and hint of a function that a file does not have."""
    public = [name for name in names if not name.startswith("_")]
    near = difflib.get_close_matches(spec.function, public, 1)
    others = ", ".join("`{}`".format(name) for name in public[:SHOWN_NAMES])
    hint = (
        "did you mean `{}`?".format(near[0]) if near else "it has " + others if others else "it has no function at all"
    )
    return ["{} has no function `{}`".format(os.path.basename(spec.path), spec.function), hint]


def _iterate_own_modules(tree: ast.AST, path: str, folder: str) -> Iterator[str]:
    """The files in the folder of a program that a file of it imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _iterate_module_files(folder, alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = path if node.level else folder
            for _ in range(node.level):
                base = os.path.dirname(base)
            module = node.module or ""
            yield from _iterate_module_files(base, module)
            for alias in node.names:
                yield from _iterate_module_files(base, "{}.{}".format(module, alias.name).lstrip("."))


def _iterate_module_files(folder: str, name: str) -> Iterator[str]:
    """The files of a module and of the packages around it, as far as they are in the folder."""
    place = folder
    for part in filter(None, name.split(".")):
        place = os.path.join(place, part)
        for file in (place + ".py", os.path.join(place, "__init__.py")):
            if os.path.isfile(file):
                yield file
