"""Hooks on the import of a package: a function is called when the package has been executed, without importing it beforehand."""

from __future__ import annotations

import importlib.util
import sys
from contextlib import contextmanager, suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Callable, Iterator, Optional


@contextmanager
def when_imported(package: str, action: Callable[[], None]) -> Iterator[None]:
    """Call the function when the package is imported inside the context; at once if it is imported already."""
    if package in sys.modules:
        action()
        yield
        return
    finder = _ImportFinder(package, action)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        with suppress(ValueError):  # somebody has replaced the list
            sys.meta_path.remove(finder)


class _ImportFinder(MetaPathFinder):
    """Lets the other finders find a package, and calls a function when it has been executed."""

    def __init__(self, package: str, action: Callable[[], None]) -> None:
        self._package = package
        self._action = action
        self._is_searching = False

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Optional[ModuleSpec]:
        """The spec of the package, whose loader calls the function; None for any other module."""
        if fullname != self._package or self._is_searching:
            return None
        self._is_searching = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._is_searching = False
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_and_act(module: ModuleType) -> None:
            execute(module)
            self._action()

        spec.loader.exec_module = execute_and_act  # type: ignore[method-assign]
        return spec
