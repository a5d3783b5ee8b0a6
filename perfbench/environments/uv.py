"""Calls of uv: which settings of the user reach it, what it said, and that it does not outlive perfbench."""

from __future__ import annotations

import configparser
import functools
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import uv as packaged

from perfbench.errors import EnvironmentProblem

CALL_TIMEOUT = 900.0
"""Seconds that one call may take: a build that asks a question never ends."""

BLOCKED_VARIABLES = frozenset(
    (
        "PYTHONPATH",
        "PYTHONHOME",
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "FORCE_COLOR",
        "CLICOLOR_FORCE",
        "UV_PYTHON",
        "UV_SYSTEM_PYTHON",
        "UV_BREAK_SYSTEM_PACKAGES",
        "UV_PROJECT",
        "UV_PROJECT_ENVIRONMENT",
        "UV_WORKING_DIRECTORY",
        "UV_CONSTRAINT",
        "UV_OVERRIDE",
        "UV_EXCLUDE",
        "UV_BUILD_CONSTRAINT",
        "UV_RESOLUTION",
        "UV_NO_BUILD",
        "UV_NO_BUILD_PACKAGE",
        "UV_NO_BINARY",
        "UV_NO_BINARY_PACKAGE",
        "UV_REQUIRE_HASHES",
        "UV_VENV_SEED",
        "UV_VENV_CLEAR",
        "UV_VENV_RELOCATABLE",
        "UV_COMPILE_BYTECODE",
        "UV_NO_BUILD_ISOLATION",
        "UV_CUSTOM_COMPILE_COMMAND",
        "UV_TORCH_BACKEND",
        "UV_NO_INSTALLER_METADATA",
    )
)
"""Settings that would change what is built or where; those about indexes, certificates, caches and the network are kept."""

FIXED_VARIABLES = {
    "UV_PYTHON_DOWNLOADS": "never",
    "UV_NO_PROGRESS": "1",
    "NO_COLOR": "1",
    # A mode that changes a file of its package must not change it in uv's cache and in every other environment.
    "UV_LINK_MODE": "copy",
    "GIT_TERMINAL_PROMPT": "0",
    # A resolver that asks an old Rust package for its dependencies must not fetch half of crates.io for the answer.
    "CARGO_NET_OFFLINE": "true",
}

INDEX_VARIABLES = ("UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_CONFIG_FILE")


@dataclass(frozen=True, slots=True)
class ProcessResult:
    """How one call ended: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


_running_processes: set[subprocess.Popen[str]] = set()
_processes_lock = threading.Lock()


def run_uv(*arguments: str, lock: int | None = None, retries: int = 2) -> ProcessResult:
    """Run uv to its end. A ``lock`` is a descriptor that uv holds too, so that it stays locked if perfbench is killed.

    Raises EnvironmentProblem if uv cannot be started or does not come to an end.
    """
    try:
        uv = packaged.find_uv_bin()
    except OSError as error:
        raise EnvironmentProblem(f"uv is not installed beside perfbench; pip install uv ({error})") from error
    return run_program([uv, *arguments], build_variables(retries), lock)


def run_program(command: list[str], variables: Mapping[str, str], lock: int | None = None) -> ProcessResult:
    """Run a program to its end, from a folder without any project's settings."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            cwd=tempfile.gettempdir(),
            env=dict(variables),
            pass_fds=() if lock is None else (lock,),
        )
    except OSError as error:
        raise EnvironmentProblem(f"{Path(command[0]).name} cannot be started: {error}") from error
    with _processes_lock:
        _running_processes.add(process)
    try:
        out, err = process.communicate(timeout=CALL_TIMEOUT)
    except subprocess.TimeoutExpired as error:
        process.kill()
        process.communicate()
        raise EnvironmentProblem(f"{' '.join(command[1:3])} did not end within {CALL_TIMEOUT:.0f} seconds") from error
    finally:
        with _processes_lock:
            _running_processes.discard(process)
    return ProcessResult(process.returncode, out, err)


def end_all_processes() -> None:
    """End every call that is still running."""
    with _processes_lock:
        for process in _running_processes:
            with suppress(OSError):
                process.terminate()


def build_variables(retries: int) -> dict[str, str]:
    """The variables for uv: the user's own, pip's index and certificate where uv is told none."""
    kept = {name: value for name, value in os.environ.items() if name not in BLOCKED_VARIABLES}
    kept.setdefault("UV_HTTP_RETRIES", str(retries))
    pip = _read_pip_settings()
    if not any(name in kept for name in INDEX_VARIABLES):
        if "index-url" in pip:
            kept["UV_DEFAULT_INDEX"] = pip["index-url"]
        if extra := os.environ.get("PIP_EXTRA_INDEX_URL"):
            kept.setdefault("UV_INDEX", extra)
    if "cert" in pip:
        kept.setdefault("SSL_CERT_FILE", pip["cert"])
    return kept | FIXED_VARIABLES


@functools.cache
def _read_pip_settings() -> dict[str, str]:
    """``index-url`` and ``cert`` of pip's variables, else of its configuration files (pip.pypa.io, "Configuration")."""
    home = Path(os.path.expanduser("~"))
    config_home = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    files = [
        Path("/etc/pip.conf"),
        home / ".pip" / "pip.conf",
        config_home / "pip" / "pip.conf",
        Path(sys.prefix) / "pip.conf",
        *map(Path, filter(None, [os.environ.get("PIP_CONFIG_FILE")])),
    ]
    parser = configparser.RawConfigParser()
    for file in files:
        with suppress(OSError, configparser.Error, UnicodeDecodeError):
            parser.read(file)
    found = {}
    for name in ("index-url", "cert"):
        value = os.environ.get(f"PIP_{name.replace('-', '_').upper()}") or parser.get("global", name, fallback="")
        if value:
            found[name] = value
    return found
