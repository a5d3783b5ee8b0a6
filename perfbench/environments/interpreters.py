"""The interpreters in which something can be measured: the one that runs perfbench, and those found on this machine."""

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
"""The oldest Python that a worker runs in."""

PROBE_TIMEOUT = 5.0
"""Seconds that an interpreter has to say who it is: a shim or a network folder may never answer."""

PROBE_SCRIPT = (
    "import os, sys; "
    "print(sys.implementation.name, sys.version.split()[0], os.path.realpath(sys.executable or ''), sep='\\n')"
)

INTERPRETER_PATTERN = re.compile(r"python3\.\d+(\.exe)?")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A CPython that answered: its full version (``3.11.7``, ``3.14.0rc1``) and the path of the real executable."""

    version: str
    path: str


def find_running_interpreter() -> Interpreter:
    """The interpreter that runs perfbench, outside of any virtual environment."""
    return Interpreter(sys.version.split()[0], os.path.realpath(sys.executable))


def find_interpreter(version: str) -> Interpreter:
    """The newest interpreter found whose version is, or begins with, ``version`` (``3.12``, ``3.12.1``).

    Raises EnvironmentProblem with those that there are.
    """
    there = find_interpreters()
    wanted = _parse_version(version)
    fitting = [one for one in there if _parse_version(one.version)[: len(wanted)] == wanted]
    if not fitting:
        found = ", ".join(dict.fromkeys(one.version for one in there)) or "none"
        raise EnvironmentProblem(f"Python {version} is not on this machine; found: {found}")
    return fitting[-1]


def compute_fingerprint() -> str:
    """Changes when an interpreter is installed, replaced or removed; starts none of them, so it costs a millisecond."""
    parts = []
    for path in sorted(_find_candidates()):
        with contextlib.suppress(OSError):
            found = os.stat(path)
            parts.append(f"{path} {found.st_size} {found.st_mtime_ns}")
    return "\n".join(parts)


def find_interpreters() -> tuple[Interpreter, ...]:
    """Every CPython from 3.8 on that is found in the usual places and answers, sorted by version.

    The places: PATH, pyenv's and uv's folders, /usr/bin, /usr/local/bin and /opt/homebrew/bin. One that is reached by
    several names counts once; one that does not start, or not within 5 seconds, does not count.
    """
    with ThreadPoolExecutor(max_workers=4) as together:
        answers = together.map(_probe_interpreter, _find_candidates())
    found = {
        found.path: found for found in answers if found is not None and _parse_version(found.version) >= OLDEST_PYTHON
    }
    return tuple(
        sorted(found.values(), key=lambda interpreter: (_parse_version(interpreter.version), interpreter.path))
    )


def _find_candidates() -> list[str]:
    """Files named python3.x, each real one once. The interpreter that runs perfbench is always among them."""
    paths = {os.path.realpath(sys.executable): None}
    for folder in _list_search_folders():
        with contextlib.suppress(OSError):
            for entry in sorted(folder.iterdir()):
                if INTERPRETER_PATTERN.fullmatch(entry.name) and entry.is_file():
                    paths[os.path.realpath(entry)] = None
    return list(paths)


def _list_search_folders() -> list[Path]:
    home = Path(os.path.expanduser("~"))
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv")
    # What pyenv puts on PATH are shims: shell scripts that answer for an interpreter, slowly, or only complain.
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
    """Where uv keeps the interpreters that it downloads (docs.astral.sh/uv, "Storage": Python versions)."""
    if named := os.environ.get("UV_PYTHON_INSTALL_DIR"):
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or home) / "uv" / "python"
    return Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "uv" / "python"


def _probe_interpreter(python: str) -> Interpreter | None:
    """Start it once and let it say who it is; None unless it is a CPython that answers in time."""
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
    if process.returncode != 0 or len(lines) != 3 or lines[0] != "cpython" or not lines[2]:
        return None
    return Interpreter(version=lines[1], path=lines[2])


def _kill_process_group(process: subprocess.Popen[str]) -> None:
    """Kill it with whatever it started: the children of a hanging script hold its pipe open."""
    if sys.platform == "win32":
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _parse_version(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
