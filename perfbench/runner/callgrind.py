"""Instruction counts of a process: Valgrind's callgrind, switched on and off through vgdb.

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
from perfbench.util.formatting import extract_last_line

TIMEOUT_FACTOR = 50
"""Timeout factor of a pass under callgrind (docs/concepts/instruction-counts.md)."""

COMMAND_TIMEOUT = 60.0
"""Seconds to wait for Valgrind to execute a command."""

NO_ASLR_COMMAND = ("setarch", "-R")
"""setarch(8) without address randomisation: dicts keyed by addresses then fill in the same order in every process."""

COLLECTOR_PREFIX = "gc_collect"
"""Prefixes of CPython's garbage-collector functions (Modules/gcmodule.c, Python/gc.c)."""

SEPARATE_PREFIXES = ("_dl", COLLECTOR_PREFIX)
"""Prefixes of functions that are counted separately. Without those of the loader (_dl_runtime_resolve) callgrind crashes."""

TOTAL_PATTERN = re.compile(rb"^(?:summary|totals): (\d+)", re.MULTILINE)


def explain_unavailable() -> str:
    """The reason why instructions cannot be counted here, in one line; empty if they can."""
    if sys.platform != "linux":
        return "instructions are counted by valgrind, on Linux only: leave out --count"
    for program in ("valgrind", "vgdb", "setarch"):
        if shutil.which(program) is None:
            return f"counting instructions needs Valgrind, and {program} was not found: install it or leave out --count"
    command = [*NO_ASLR_COMMAND, "valgrind", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    return f"instructions cannot be counted here: {extract_last_line(done.stderr)}: allow it or leave out --count"


class Callgrind:
    """Counter of one process; a context manager around that of the process. It leaves nothing on the disk."""

    def __init__(self, *, by_function: bool = False) -> None:
        """Raises TrialFailed if there is no space for callgrind's output.

        :param by_function: count trampolines of Python functions apart, each with the C code that it ran: see ``left_out``.
        """
        self._by_function = by_function
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="perfbench-count-")
        except OSError as error:
            raise TrialFailed(f"no space for the output of callgrind: {error.strerror}") from error

    def __enter__(self) -> Callgrind:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    @property
    def folder(self) -> str:
        """The folder that the process writes to."""
        return self._folder.name

    @property
    def _out(self) -> Path:
        return Path(self._folder.name) / "callgrind.out"

    @property
    def _pipes(self) -> str:
        return f"--vgdb-prefix={self._folder.name}/vgdb"

    @property
    def prefix(self) -> tuple[str, ...]:
        """The command prefix of the process. It counts nothing yet, and never the children of the process."""
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
        """Start counting. Raises TrialFailed."""
        self._send(pid, "instrumentation on")

    def stop(self, pid: int) -> int:
        """Stop counting; returns the instructions since the start. Raises TrialFailed."""
        return parse_total(self._stopped(pid))

    def stop_and_read(self, pid: int) -> str:
        """Stop counting; returns callgrind's output since the start. Raises TrialFailed."""
        return self._stopped(pid).decode("utf-8", "replace")

    def _stopped(self, pid: int) -> bytes:
        self._send(pid, "dump")
        self._send(pid, "instrumentation off")
        try:
            return self._out.with_name(f"{self._out.name}.1").read_bytes()
        except OSError as error:
            raise TrialFailed(f"callgrind wrote no count: {error.strerror}") from error

    def _send(self, pid: int, command: str) -> None:
        """Send a command as callgrind_control does, without its child process, which would outlive perfbench."""
        call = ["vgdb", f"--pid={pid}", self._pipes, *command.split()]
        try:
            done = subprocess.run(call, capture_output=True, text=True, timeout=COMMAND_TIMEOUT, check=False)
        except subprocess.TimeoutExpired as error:
            raise TrialFailed(f"Valgrind did not execute `{command}` within {COMMAND_TIMEOUT:g} s") from error
        if done.returncode != 0:
            raise TrialFailed(f"Valgrind did not execute `{command}`: {extract_last_line(done.stderr)}", done.stderr)


def parse_total(content: bytes) -> int:
    """Total instructions of a callgrind file. Raises TrialFailed."""
    total = TOTAL_PATTERN.search(content)
    if total is None or int(total[1]) == 0:
        raise TrialFailed("callgrind counted nothing")
    return int(total[1])


def build_exclusion_options() -> tuple[str, ...]:
    """Options that make callgrind attribute every named function to its caller, so that only trampolines are left.

    They have no symbol. Names are left as they are in the file, so that all of them begin with a letter, a digit or ``_``.
    """
    return "--dump-line=no", "--demangle=no", *(f"--fn-skip={start}*" for start in _complement_prefixes(""))


def _complement_prefixes(start: str) -> Iterator[str]:
    """The shortest prefixes of all names that are not counted separately. Callgrind's patterns have no negation."""
    for letter in string.ascii_letters + string.digits[1:] + "_":
        longer = start + letter
        if longer in SEPARATE_PREFIXES:
            continue
        if any(name.startswith(longer) for name in SEPARATE_PREFIXES):
            yield from _complement_prefixes(longer)
        else:
            yield longer


def format_unnamed(address: str) -> str:
    """Callgrind's name of a function without symbol at an address (hexadecimal digits)."""
    return f"0x{int(address, 16):016x}"
