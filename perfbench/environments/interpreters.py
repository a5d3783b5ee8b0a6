"""Python interpreters to measure in: the one that runs perfbench, and those found on this machine.

``uv python list`` does not find them all: it does not search pyenv's versions, and has no time limit for an interpreter.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from perfbench.errors import EnvironmentProblem

OLDEST_PYTHON = (3, 8)
"""Oldest Python version that a worker supports."""

PROBE_TIMEOUT = 5.0
"""Seconds for an interpreter to print its version: a shim or a network folder may never answer."""

PROBE_SCRIPT = (
    "import os, sys; "
    "print(sys.implementation.name + getattr(sys, 'abiflags', ''), sys.version.split()[0], "
    "os.path.realpath(sys.executable or ''), sep='\\n')"
)

FREE_THREADED, PYPY = "t", "pypy"
BUILDS = {"cpython": "", "cpythont": FREE_THREADED, "pypy": PYPY}
"""Builds of Python that are measured, by implementation and flags; a debug build of CPython (``d``) is left out."""

INTERPRETER_PATTERN = re.compile(r"(?:python3\.\d+t?|pypy3(?:\.\d+)?)(?:\.exe)?")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A working Python: its full version (``3.11.7``, ``3.14.0rc1``), the path of the real executable, and its build.

    ``build`` is ``t`` without the GIL, ``pypy`` for PyPy, and empty for any other CPython.
    """

    version: str
    path: str
    build: str = ""

    @property
    def label(self) -> str:
        """Its version with its build, such as ``3.14.0t`` or ``PyPy 3.10.14``."""
        return format_version(self.version, self.build)

    @property
    def key(self) -> dict[str, str]:
        """Its part of a cache key."""
        own = {"version": self.version, "path": self.path}
        return {**own, "build": self.build} if self.build else own


def format_version(version: str, build: str) -> str:
    """A version with the build that it is of, as messages and tables show it."""
    return f"PyPy {version}" if build == PYPY else f"{version}{build}"


def split_build(version: str) -> tuple[str, str]:
    """Version and build of ``3.12``, ``3.14t`` or ``pypy3.10``."""
    if version.startswith(PYPY):
        return version.removeprefix(PYPY), PYPY
    number = version.removesuffix(FREE_THREADED)
    return number, version[len(number) :]


def find_running_interpreter() -> Interpreter:
    """The interpreter that runs perfbench, outside of any virtual environment."""
    build = BUILDS.get(sys.implementation.name + getattr(sys, "abiflags", ""), "")
    return Interpreter(sys.version.split()[0], os.path.realpath(sys.executable), build)


def find_interpreter(version: str) -> Interpreter:
    """The newest interpreter whose version is, or begins with, ``version``: ``3.12``, ``3.12.1``, ``3.14t``, ``pypy3.10``.

    Raises EnvironmentProblem with the installed versions.
    """
    installed = find_all_builds()
    number, build = split_build(version)
    prefix = _parse_version(number)
    matching = [p for p in installed if p.build == build and _parse_version(p.version)[: len(prefix)] == prefix]
    if not matching:
        versions = ", ".join(dict.fromkeys(python.label for python in installed)) or "none"
        wanted = format_version(number, build)
        name = wanted if build == PYPY else f"Python {wanted}"
        raise EnvironmentProblem(f"{name} is not on this machine; found: {versions}")
    return matching[-1]


def compute_fingerprint() -> str:
    """A text that changes when an interpreter is installed, replaced or removed; takes a millisecond, as none is started."""
    parts = []
    for path in sorted(_find_candidates()):
        with contextlib.suppress(OSError):
            status = os.stat(path)
            parts.append(f"{path} {status.st_size} {status.st_mtime_ns}")
    return "\n".join(parts)


def find_interpreters() -> tuple[Interpreter, ...]:
    """Every working CPython from 3.8 on of the usual build, sorted by version."""
    return tuple(python for python in find_all_builds() if not python.build)


def find_all_builds() -> tuple[Interpreter, ...]:
    """Every working Python from 3.8 on in the usual folders, sorted by version: CPython, also without the GIL, and PyPy.

    The folders: PATH, pyenv's and uv's folders, /usr/bin, /usr/local/bin and /opt/homebrew/bin. An interpreter with several
    names is listed once; one that does not answer within 5 seconds is left out.
    """
    with ThreadPoolExecutor(max_workers=4) as together:
        answers = together.map(_probe_interpreter, _find_candidates())
    by_path = {
        python.path: python
        for python in answers
        if python is not None and _parse_version(python.version) >= OLDEST_PYTHON
    }
    return tuple(sorted(by_path.values(), key=_rank_interpreter))


def _rank_interpreter(python: Interpreter) -> tuple[tuple[int, ...], bool, str]:
    """The order of interpreters: by version, a final release (``3.14.0``) after its candidates (``3.14.0rc1``)."""
    return _parse_version(python.version), re.fullmatch(r"[\d.]+\+?", python.version) is not None, python.path


def _find_candidates() -> list[str]:
    """Files named python3.x or pypy3.x, without duplicates behind links; the interpreter that runs perfbench is among them."""
    paths = {os.path.realpath(sys.executable): None}
    for folder in _list_search_folders():
        entries: list[Path] = []
        with contextlib.suppress(OSError):
            entries = sorted(folder.iterdir())
        for entry in entries:
            with contextlib.suppress(OSError):  # a link into a folder that may not be read
                if INTERPRETER_PATTERN.fullmatch(entry.name) and entry.is_file():
                    paths[os.path.realpath(entry)] = None
    return list(paths)


def _list_search_folders() -> list[Path]:
    home = Path(os.path.expanduser("~"))
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv")
    # pyenv's shims on PATH are shell scripts that are slow, or fail without a selected version.
    on_path = [Path(name) for name in os.environ.get("PATH", "").split(os.pathsep) if name]
    return [
        *(folder for folder in on_path if folder.name != "shims"),
        *_list_interpreters(pyenv / "versions"),
        *_list_interpreters(_locate_uv_folder(home)),
        *map(Path, ("/usr/bin", "/usr/local/bin", "/opt/homebrew/bin")),
    ]


def _list_interpreters(folder: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return [entry / "bin" for entry in sorted(folder.iterdir())]
    return []


def _locate_uv_folder(home: Path) -> Path:
    """The folder of the interpreters that uv installs (docs.astral.sh/uv, "Storage": Python versions)."""
    if named := os.environ.get("UV_PYTHON_INSTALL_DIR"):
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or home) / "uv" / "python"
    return Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "uv" / "python"


def _probe_interpreter(python: str) -> Interpreter | None:
    """Run an interpreter to get its version, path and build; None unless it is one of ``BUILDS`` and answers in time."""
    try:
        process = subprocess.Popen(
            [python, "-I", "-c", PROBE_SCRIPT],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            errors="surrogateescape",
            start_new_session=True,
        )
    except OSError:
        return None
    try:
        answer, _ = process.communicate(timeout=PROBE_TIMEOUT)
    except subprocess.TimeoutExpired:
        _kill_process_group(process)
        return None
    lines = answer.splitlines()
    if process.returncode != 0 or len(lines) != 3 or lines[0] not in BUILDS or not lines[2]:
        return None
    return Interpreter(version=lines[1], path=lines[2], build=BUILDS[lines[0]])


def _kill_process_group(process: subprocess.Popen[str]) -> None:
    """Kill a process with its children: those of a hanging script hold its pipe open."""
    if sys.platform == "win32":
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _parse_version(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
