"""Perf trampolines of CPython: machine code per Python function, so that a profiler of machine code can distinguish them.

See "Python support for the Linux perf profiler" (https://docs.python.org/3/howto/perf_profiling.html).
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any, Callable, Iterable, Iterator, Optional, Tuple

from perfbench.worker.protocol import TrampolineAddresses
from perfbench.worker.scenario_api import ScenarioError

MAP_PATH_TEMPLATE = "/tmp/perf-{}.map"  # noqa: S108 - where CPython writes it (Python/perf_trampoline.c)
"""Lines of an address and a size, both in hexadecimal, and ``py::qualified name:file``."""

SYMBOL_PREFIX = "py::"


class Trampolines:
    """The trampolines of a pass. They stay active after it: CPython would free them while a thread of the scenario is in one."""

    def __init__(self) -> None:
        """Raises ScenarioError if this Python has none, or cannot write their addresses."""
        if sys.platform != "linux" or not hasattr(sys, "activate_stack_trampoline"):
            raise ScenarioError(
                "instructions by function need Python 3.12 or newer in the environment: add python==3.12 to its spec"
            )
        self._path = build_map_path()
        self._size: Optional[int] = None
        try:
            _remove(self._path)  # CPython would append to the map of an earlier process
        except OSError as error:
            raise ScenarioError("instructions by function cannot be counted here: {}".format(error)) from error

    def start_after(self, wait: Callable[[], None]) -> Callable[[], None]:
        """A wait after which all calls go over trampolines, including functions that ran before. Raises ScenarioError."""

        def wait_and_start() -> None:
            wait()
            interpreter: Any = sys
            try:
                interpreter.activate_stack_trampoline("perf")
            except (OSError, ValueError) as error:
                raise ScenarioError("instructions by function cannot be counted here: {}".format(error)) from error

        return wait_and_start

    def stop_before(self, wait: Callable[[], None]) -> Callable[[], None]:
        """A wait after the pass: functions that are called only later are not part of it.

        Raises FileNotFoundError without a map.
        """

        def stop_and_wait() -> None:
            self._size = os.stat(self._path).st_size
            wait()

        return stop_and_wait

    def read_addresses(self) -> TrampolineAddresses:
        """The functions of the pass and the addresses of their trampolines; removes the map.

        Raises ScenarioError without a map.
        """
        try:
            with open(self._path, "rb") as file:
                written = file.read() if self._size is None else file.read(self._size)
            _remove(self._path)
        except OSError as error:
            raise ScenarioError("Python wrote no addresses of its functions: {}".format(error)) from error
        entries = list(parse_map(written.decode("utf-8", "replace").split("\n")))
        return TrampolineAddresses(*([entry[part] for entry in entries] for part in range(3)))


def build_map_path() -> str:
    """The map of this process."""
    return MAP_PATH_TEMPLATE.format(os.getpid())


def _remove(path: str) -> None:
    """Remove a map; that of a confined process, which may only write it, is emptied, and the host removes it."""
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    except PermissionError:
        os.truncate(path, 0)


def parse_map(lines: Iterable[str]) -> Iterator[Tuple[str, str, str]]:
    """Parse a map: address (hexadecimal), file and qualified name of every Python function."""
    for line in lines:
        address, _, rest = line.partition(" ")
        _, _, named = rest.partition(" ")
        if named.startswith(SYMBOL_PREFIX):
            name, _, file = named[len(SYMBOL_PREFIX) :].partition(":")
            yield address, file, name
