"""Calls of uv, with the user's settings for indexes, certificates and caches."""

from __future__ import annotations

import configparser
import functools
import os
import sys
from contextlib import suppress
from pathlib import Path

import uv as packaged

from perfbench.environments import process
from perfbench.environments.process import ProcessResult
from perfbench.errors import EnvironmentProblem

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
"""Settings that would change what is built or where; those of indexes, certificates, caches and the network are passed on."""

FIXED_VARIABLES = {
    "UV_PYTHON_DOWNLOADS": "never",
    "UV_NO_PROGRESS": "1",
    "NO_COLOR": "1",
    # A mode that modifies a file of its package must not modify it in uv's cache and in every other environment.
    "UV_LINK_MODE": "copy",
    "GIT_TERMINAL_PROMPT": "0",
    # Resolving the dependencies of an old Rust package must not download its crates.
    "CARGO_NET_OFFLINE": "true",
}

INDEX_VARIABLES = ("UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_CONFIG_FILE")


def run_uv(*arguments: str, lock: int | None = None, retries: int = 2) -> ProcessResult:
    """Run uv to its end. Raises EnvironmentProblem if it cannot be started or times out.

    :param lock: a file descriptor that uv inherits, so that a file stays locked if perfbench is killed.
    """
    try:
        uv = packaged.find_uv_bin()
    except OSError as error:
        raise EnvironmentProblem(f"uv is not installed ({error})", hint="pip install uv") from error
    return process.run_program([uv, *arguments], build_variables(retries), lock)


def build_variables(retries: int) -> dict[str, str]:
    """Environment variables for uv: the user's own, with pip's index and certificate unless uv has its own."""
    variables = {name: value for name, value in process.copy_variables().items() if name not in BLOCKED_VARIABLES}
    variables.setdefault("UV_HTTP_RETRIES", str(retries))
    pip = _read_pip_settings()
    if not any(name in variables for name in INDEX_VARIABLES):
        if "index-url" in pip:
            variables["UV_DEFAULT_INDEX"] = pip["index-url"]
        if extra := os.environ.get("PIP_EXTRA_INDEX_URL"):
            variables.setdefault("UV_INDEX", extra)
    if "cert" in pip:
        variables.setdefault("SSL_CERT_FILE", pip["cert"])
    return variables | FIXED_VARIABLES


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
    pip_settings = {}
    for name in ("index-url", "cert"):
        value = os.environ.get(f"PIP_{name.replace('-', '_').upper()}") or parser.get("global", name, fallback="")
        if value:
            pip_settings[name] = value
    return pip_settings
