"""Every Python function called from machine code of its own, so that a profiler of machine code can tell them apart.

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
    """Those of one pass. They stay active after it: CPython would free them, and a thread of the scenario may be in one."""

    def __init__(self) -> None:
        """Raises ScenarioError if this Python has none, or where it writes their addresses is not free."""
        if sys.platform != "linux" or not hasattr(sys, "activate_stack_trampoline"):
            raise ScenarioError(
                "instructions by function need Python 3.12 or newer in the environment: add python==3.12 to its spec"
            )
        self._path = MAP_PATH_TEMPLATE.format(os.getpid())
        self._size: Optional[int] = None
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)  # CPython would append to that of an earlier process
        except OSError as error:
            raise ScenarioError("instructions by function cannot be counted here: {}".format(error)) from error

    def after(self, wait: Callable[[], None]) -> Callable[[], None]:
        """Wait, and from then on all calls go over trampolines, whether a function ran before or not. Raises ScenarioError."""

        def waited() -> None:
            wait()
            interpreter: Any = sys
            try:
                interpreter.activate_stack_trampoline("perf")
            except (OSError, ValueError) as error:
                raise ScenarioError("instructions by function cannot be counted here: {}".format(error)) from error

        return waited

    def before(self, wait: Callable[[], None]) -> Callable[[], None]:
        """The pass is over, then wait: functions that are called only now are none of the pass.

        Raises FileNotFoundError if there is no map.
        """

        def waiting() -> None:
            self._size = os.stat(self._path).st_size
            wait()

        return waiting

    def addressed(self) -> TrampolineAddresses:
        """The functions of the pass, and where the trampoline of each begins; the map is removed.

        Raises ScenarioError if there is none.
        """
        try:
            with open(self._path, "rb") as file:
                written = file.read() if self._size is None else file.read(self._size)
            os.unlink(self._path)
        except OSError as error:
            raise ScenarioError("Python wrote no addresses of its functions: {}".format(error)) from error
        found = list(parse_map(written.decode("utf-8", "replace").split("\n")))
        return TrampolineAddresses(*([one[part] for one in found] for part in range(3)))


def parse_map(lines: Iterable[str]) -> Iterator[Tuple[str, str, str]]:
    """Address (hexadecimal), file and qualified name of every Python function in the lines of a map."""
    for line in lines:
        address, _, rest = line.partition(" ")
        _, _, named = rest.partition(" ")
        if named.startswith(SYMBOL_PREFIX):
            name, _, file = named[len(SYMBOL_PREFIX) :].partition(":")
            yield address, file, name
