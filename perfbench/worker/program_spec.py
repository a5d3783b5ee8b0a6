"""Specs of programs: the user's own script or function, written ``PATH.py`` or ``PATH.py:FUNCTION``.

A file of Python is a scenario if it imports from ``perfbench`` what scenario files are made of; any other is a program. Which of
the two is read from its text: the host never imports it.
"""

from __future__ import annotations

import ast
import os
import re
from dataclasses import dataclass
from typing import Optional

SUFFIX = ".py"

API_MODULES = frozenset(("perfbench", "perfbench.worker.scenario_api"))
"""Modules that a scenario file imports its decorators from. A program may import other modules, such as ``perfbench.kit``."""


IMPORT_LINE = re.compile(rb"^(?:from perfbench import|import perfbench\b)", re.MULTILINE)


@dataclass(frozen=True)
class ProgramSpec:
    """A program: a script, or with ``function`` a function of the file ``path``."""

    path: str
    function: str = ""

    @property
    def text(self) -> str:
        """The spec as it is written: ``path/to/my_backtest.py:run``."""
        return "{}:{}".format(self.path, self.function) if self.function else self.path

    @property
    def name(self) -> str:
        """The name in tables: ``my_backtest`` or ``my_backtest:run``."""
        stem = os.path.basename(self.path)[: -len(SUFFIX)]
        return "{}:{}".format(stem, self.function) if self.function else stem

    @property
    def folder(self) -> str:
        """The absolute path of the folder of the file, from which the program imports its own modules."""
        return os.path.dirname(os.path.abspath(self.path))


def parse_program_spec(text: str) -> Optional[ProgramSpec]:
    """The program that a text names; None if it does not name a ``.py`` file. A scenario file is named alike, without function."""
    if text.endswith(SUFFIX):
        return ProgramSpec(text)
    path, _, function = text.rpartition(":")
    return ProgramSpec(path, function) if path.endswith(SUFFIX) and function.isidentifier() else None


def is_scenario_source(source: bytes) -> bool:
    """Whether the text of a file is that of a scenario: it imports from ``perfbench``, such as ``mode``.

    Of a text that is not valid Python, whose worker reports the error, a line that begins with such an import decides.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return IMPORT_LINE.search(source) is not None
    return any(_imports_api(node) for node in ast.walk(tree))


def _imports_api(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return not node.level and node.module in API_MODULES
    return isinstance(node, ast.Import) and any(alias.name in API_MODULES for alias in node.names)


def find_program(text: str) -> Optional[ProgramSpec]:
    """The program that a text names, by the content of its file; None for a scenario file and for a file that cannot be read."""
    spec = parse_program_spec(text)
    if spec is None or spec.function:
        return spec
    try:
        with open(spec.path, "rb") as file:
            source = file.read()
    except OSError:
        return None
    return None if is_scenario_source(source) else spec
