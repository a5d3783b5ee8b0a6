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
from perfbench.environments.variables import copy_build_variables
from perfbench.errors import EnvironmentProblem

FIXED_VARIABLES = {
    "UV_PYTHON_DOWNLOADS": "never",
    "UV_NO_PROGRESS": "1",
    "NO_COLOR": "1",
    # A mode that modifies a file of its package must not modify it in uv's cache and in every other environment.
    "UV_LINK_MODE": "copy",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
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
    variables = copy_build_variables()
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
