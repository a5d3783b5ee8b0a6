"""Count the instructions of a process while somebody says so: valgrind's callgrind, told by vgdb what to do.

See "Callgrind Monitor Commands" in valgrind's manual
(https://valgrind.org/docs/manual/cl-manual.html).
"""

from __future__ import annotations

import re
import shutil
import string
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from perfbench.errors import TrialFailed

TIMEOUT_FACTOR = 50
"""So many times as long does a pass take under callgrind (method.md)."""

COMMAND_TIMEOUT = 60.0
"""Seconds that valgrind may take to obey."""

NO_ASLR_COMMAND = ("setarch", "-R")
"""setarch(8): the dicts that are keyed by addresses fill in the same order in every process."""

COLLECTOR_PREFIX = "gc_collect"
"""So begin the names of the functions in which CPython collects garbage (Modules/gcmodule.c, Python/gc.c)."""

SEPARATE_PREFIXES = ("_dl", COLLECTOR_PREFIX)
"""Functions beginning so are counted apart. If those of the loader are left out (_dl_runtime_resolve), callgrind crashes."""

TOTAL_PATTERN = re.compile(rb"^(?:summary|totals): (\d+)", re.MULTILINE)


def explain_unavailable() -> str:
    """Why instructions cannot be counted here, in one line; empty if they can."""
    if sys.platform != "linux":
        return "instructions are counted by valgrind, on Linux only: leave out --count"
    for program in ("valgrind", "vgdb", "setarch"):
        if shutil.which(program) is None:
            return f"instructions are counted by valgrind, and {program} is not on the PATH: install it or leave out --count"
    command = [*NO_ASLR_COMMAND, "valgrind", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    return f"instructions cannot be counted here: {_last_line(done.stderr)}: allow it or leave out --count"


class Callgrind:
    """Counts one process. Use it as a context manager around that of the process: at its end nothing is left on the disk."""

    def __init__(self, *, by_function: bool = False) -> None:
        """Raises TrialFailed if there is no room for what callgrind writes.

        :param by_function: count trampolines of Python functions apart, each with the C code that it ran: see ``left_out``.
        """
        self._by_function = by_function
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="perfbench-count-")
        except OSError as error:
            raise TrialFailed(f"no room for what callgrind writes: {error.strerror}") from error

    def __enter__(self) -> Callgrind:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    @property
    def _out(self) -> Path:
        return Path(self._folder.name) / "callgrind.out"

    @property
    def _pipes(self) -> str:
        return f"--vgdb-prefix={self._folder.name}/vgdb"

    @property
    def prefix(self) -> tuple[str, ...]:
        """The command under which the process is to run. It counts nothing yet, nor the children of the process ever."""
        return (
            *NO_ASLR_COMMAND,
            "valgrind",
            "--command-line-only=yes",
            "--quiet",
            "--tool=callgrind",
            "--instr-atstart=no",
            "--trace-children=no",
            f"--callgrind-out-file={self._out}",
            self._pipes,
            *(build_exclusion_options() if self._by_function else ()),
        )

    def start(self, pid: int) -> None:
        """Count from now on. Raises TrialFailed."""
        self._tell(pid, "instrumentation on")

    def stop(self, pid: int) -> int:
        """Count no more; returns the instructions since the start. Raises TrialFailed."""
        return parse_total(self._stopped(pid))

    def stop_and_read(self, pid: int) -> str:
        """Count no more; returns what callgrind wrote about the time since the start. Raises TrialFailed."""
        return self._stopped(pid).decode("utf-8", "replace")

    def _stopped(self, pid: int) -> bytes:
        self._tell(pid, "dump")
        self._tell(pid, "instrumentation off")
        try:
            return self._out.with_name(f"{self._out.name}.1").read_bytes()
        except OSError as error:
            raise TrialFailed(f"callgrind wrote no count: {error.strerror}") from error

    def _tell(self, pid: int, command: str) -> None:
        """What callgrind_control does. Without it no process of its own is left when perfbench is ended here."""
        asked = ["vgdb", f"--pid={pid}", self._pipes, *command.split()]
        try:
            done = subprocess.run(asked, capture_output=True, text=True, timeout=COMMAND_TIMEOUT, check=False)
        except subprocess.TimeoutExpired as error:
            raise TrialFailed(f"valgrind did not obey `{command}` within {COMMAND_TIMEOUT:g} s") from error
        if done.returncode != 0:
            raise TrialFailed(f"valgrind did not obey `{command}`: {_last_line(done.stderr)}", done.stderr)


def parse_total(content: bytes) -> int:
    """The instructions that a file of callgrind counts in all. Raises TrialFailed."""
    found = TOTAL_PATTERN.search(content)
    if found is None or int(found[1]) == 0:
        raise TrialFailed("callgrind counted nothing")
    return int(found[1])


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it gave no reason")


def build_exclusion_options() -> tuple[str, ...]:
    """Options by which callgrind puts whatever has a name on the account of its caller: what is left are trampolines.

    They have no symbol. Names are left as they are in the file, so that all of them begin with a letter, a digit or ``_``.
    """
    return "--dump-line=no", "--demangle=no", *(f"--fn-skip={start}*" for start in _complement_prefixes(""))


def _complement_prefixes(start: str) -> Iterator[str]:
    """The shortest beginnings of names that are not among those that are counted apart. Callgrind's patterns know no "not"."""
    for letter in string.ascii_letters + string.digits[1:] + "_":
        longer = start + letter
        if longer in SEPARATE_PREFIXES:
            continue
        if any(name.startswith(longer) for name in SEPARATE_PREFIXES):
            yield from _complement_prefixes(longer)
        else:
            yield longer


def format_unnamed(address: str) -> str:
    """What callgrind calls the function without a symbol that begins at an address (hexadecimal digits)."""
    return f"0x{int(address, 16):016x}"
