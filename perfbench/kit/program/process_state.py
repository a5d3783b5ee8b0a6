"""The state of the process as a program expects it: arguments, import path, standard input; and as it was, afterwards."""

from __future__ import annotations

import gc
import io
import logging
import os
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any, Dict, Iterator, List, Sequence, Tuple

from perfbench.kit.program.refusals import refuse
from perfbench.worker.scenario_api import ProgramError


class RefusedInput(io.TextIOBase):
    """Standard input of a program: nobody is there to answer."""

    def _refuse(self) -> ProgramError:
        return refuse(ProgramError("asks for input", "give it as an argument after --"))

    def readable(self) -> bool:
        """Always: reading is what is refused."""
        return True

    def read(self, size: Any = -1) -> str:
        """Raises ProgramError."""
        raise self._refuse()

    def readline(self, size: Any = -1) -> str:  # type: ignore[override]
        """Raises ProgramError."""
        raise self._refuse()

    def __next__(self) -> str:  # type: ignore[override]
        raise self._refuse()

    @property
    def buffer(self) -> RefusedInput:
        """The same for bytes."""
        return self


@contextmanager
def program_state(path: str, arguments: Sequence[str]) -> Iterator[None]:
    """Inside the context, the process looks as if Python ran this script with these arguments."""
    with ExitStack() as restored:
        restored.callback(setattr, sys, "argv", sys.argv)
        restored.callback(setattr, sys, "path", list(sys.path))
        restored.callback(setattr, sys, "stdin", sys.stdin)
        sys.argv = [path, *arguments]
        sys.path.insert(0, os.path.dirname(path))
        sys.stdin = RefusedInput()
        yield


@contextmanager
def temporary_files_in(folder: str) -> Iterator[None]:
    """Inside the context, this is the folder for temporary files, also of C code and of children."""
    with ExitStack() as restored:
        restored.callback(_restore_variables, dict(os.environ))
        restored.callback(setattr, tempfile, "tempdir", tempfile.tempdir)
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        yield


@contextmanager
def settings_restored() -> Iterator[None]:
    """After the context, what a program sets for all is as before: logging, garbage collection, environment variables."""
    with ExitStack() as restored:
        restored.callback(gc.set_threshold, *gc.get_threshold())
        restored.callback(gc.enable if gc.isenabled() else gc.disable)
        restored.callback(_restore_variables, dict(os.environ))
        restored.callback(_restore_logging, _read_logging())
        yield


def _restore_variables(before: Dict[str, str]) -> None:
    if dict(os.environ) != before:
        os.environ.clear()
        os.environ.update(before)


LoggingState = Tuple[int, Dict[logging.Logger, Tuple[int, List[logging.Handler], bool]]]


def _list_loggers() -> List[logging.Logger]:
    loggers = list(logging.Logger.manager.loggerDict.values())
    return [logging.getLogger(), *(logger for logger in loggers if isinstance(logger, logging.Logger))]


def _read_logging() -> LoggingState:
    states = {logger: (logger.level, list(logger.handlers), logger.propagate) for logger in _list_loggers()}
    return logging.Logger.manager.disable, states


def _restore_logging(before: LoggingState) -> None:
    """Without it, the second of several runs would log everything twice."""
    logging.disable(before[0])
    for logger in _list_loggers():
        level, handlers, propagate = before[1].get(logger, (logging.NOTSET, [], True))
        for handler in [handler for handler in logger.handlers if handler not in handlers]:
            logger.removeHandler(handler)
            handler.close()
        logger.handlers[:] = handlers
        logger.propagate = propagate
        logger.setLevel(level)


@contextmanager
def main_module(module: ModuleType) -> Iterator[None]:
    """Inside the context, this is the module ``__main__``, in which child processes look up what a script defines."""
    before = sys.modules["__main__"]
    sys.modules["__main__"] = module
    try:
        yield
    finally:
        sys.modules["__main__"] = before


@contextmanager
def fresh_modules(folder: str) -> Iterator[None]:
    """After the context, modules from a folder that were imported in it are forgotten, as a script's are at its end."""
    before = set(sys.modules)
    try:
        yield
    finally:
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None)
            if file and os.path.abspath(file).startswith(folder + os.sep) and "site-packages" not in file:
                del sys.modules[name]
