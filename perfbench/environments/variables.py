"""Environment variables for the programs that resolve, clone and build: git, uv, pip, and the build backends below uv.

The spec and the sources alone decide what is built. Of the variables that configure these programs only those pass that say
how something is reached: indexes, connections, credentials, caches, and the configuration files of the user. Everything else
of them stays behind: a git hook binds git to its repository and index, a shell may constrain versions or swap interpreters.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

GIT_PASSED = (
    "GIT_ALLOW_PROTOCOL",
    "GIT_ASKPASS",
    "GIT_CEILING_DIRECTORIES",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_SYSTEM",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    "GIT_EXEC_PATH",
    "GIT_HTTP_*",
    "GIT_PROTOCOL_FROM_USER",
    "GIT_PROXY_*",
    "GIT_SSH*",
    "GIT_SSL_*",
)
"""Variables of git that pass (git-scm.com, "git", Environment Variables); ``*`` stands for any ending."""

GIT_PASSED_SECTIONS = frozenset(("credential", "http", "https", "protocol", "safe", "ssh", "url"))
"""Sections of git's configuration in ``GIT_CONFIG_COUNT`` variables that pass: connections, credentials, trust."""

UV_PASSED = (
    "UV_ALLOW_INSECURE_HOST",
    "UV_CACHE_DIR",
    "UV_CONCURRENT_*",
    "UV_CONFIG_FILE",
    "UV_CREDENTIALS_DIR",
    "UV_DEFAULT_INDEX",
    "UV_EXCLUDE_NEWER",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_HTTP_*",
    "UV_INDEX*",
    "UV_INSECURE_HOST",
    "UV_KEYRING_PROVIDER",
    "UV_LOCK_TIMEOUT",
    "UV_NATIVE_TLS",
    "UV_NO_CACHE",
    "UV_NO_CONFIG",
    "UV_NO_INDEX",
    "UV_OFFLINE",
    "UV_REQUEST_TIMEOUT",
    "UV_SYSTEM_CERTS",
)
"""Variables of uv that pass (docs.astral.sh/uv, "Environment variables")."""

PIP_PASSED = (
    "PIP_CACHE_DIR",
    "PIP_CERT",
    "PIP_CLIENT_CERT",
    "PIP_CONFIG_FILE",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_INDEX_URL",
    "PIP_KEYRING_PROVIDER",
    "PIP_NO_CACHE_DIR",
    "PIP_NO_INDEX",
    "PIP_PROXY",
    "PIP_RETRIES",
    "PIP_TIMEOUT",
    "PIP_TRUSTED_HOST",
    "PIP_USE_DEPRECATED",
    "PIP_USE_FEATURE",
)
"""Variables of pip that pass (pip.pypa.io, "Configuration")."""

FAMILIES = {"GIT_": GIT_PASSED, "UV_": UV_PASSED, "PIP_": PIP_PASSED}

INTERPRETER_PREFIX = "PYTHON"
"""Variables that change how any Python starts, imports and writes bytecode."""

BLOCKED_NAMES = frozenset(("VIRTUAL_ENV", "CONDA_PREFIX", "FORCE_COLOR", "CLICOLOR_FORCE"))

BUILD_SETTINGS = (
    "*_PRETEND_VERSION*",
    "AR",
    "ARCHFLAGS",
    "CARGO_BUILD_*",
    "CARGO_PROFILE_*",
    "CC",
    "CFLAGS",
    "CMAKE_*",
    "CPATH",
    "CPPFLAGS",
    "CXX",
    "CXXFLAGS",
    "CYTHON*",
    "HATCH_BUILD_*",
    "LDFLAGS",
    "LIBRARY_PATH",
    "MYPYC*",
    "PBR_VERSION",
    "PDM_BUILD_SCM_VERSION",
    "POETRY_DYNAMIC_VERSIONING_*",
    "RUSTFLAGS",
    "SKBUILD_*",
    "UV_DYNAMIC_VERSIONING_BYPASS",
)
"""Settings of compilers and of backends that take versions from git. They pass, and are part of the key of a built wheel."""


def copy_variables() -> dict[str, str]:
    """The user's environment variables, without those that would change what git, uv and pip do."""
    kept = {name: value for name, value in os.environ.items() if _is_passed(name)}
    return kept | _filter_git_settings()


def copy_build_variables() -> dict[str, str]:
    """``copy_variables`` without those of interpreters, virtual environments and colours: for uv and build backends."""
    return {
        name: value
        for name, value in copy_variables().items()
        if name not in BLOCKED_NAMES and not name.startswith(INTERPRETER_PREFIX)
    }


def list_build_settings() -> list[tuple[str, str]]:
    """The variables of compilers and build backends that are set now, sorted: with others the same sources give another wheel."""
    return sorted((name, value) for name, value in os.environ.items() if _matches(name, BUILD_SETTINGS))


def _is_passed(name: str) -> bool:
    if _matches(name, BUILD_SETTINGS):
        return True
    family = next((passed for prefix, passed in FAMILIES.items() if name.startswith(prefix)), None)
    return family is None or _matches(name, family)


def _matches(name: str, patterns: Iterable[str]) -> bool:
    # Not fnmatch, for which a name such as CC[1] would be a pattern.
    return any(_match_pattern(name, pattern.split("*")) for pattern in patterns)


def _match_pattern(name: str, parts: list[str]) -> bool:
    if len(parts) == 1:
        return name == parts[0]
    return name.startswith(parts[0]) and name.endswith(parts[-1]) and all(part in name for part in parts)


def _filter_git_settings() -> dict[str, str]:
    """The pairs of ``GIT_CONFIG_COUNT`` in the passed sections, numbered again (git-scm.com, "git-config", ENVIRONMENT)."""
    count = os.environ.get("GIT_CONFIG_COUNT", "")
    numbers = range(int(count)) if count.isascii() and count.isdigit() and len(count) < 4 else ()
    names = [(f"GIT_CONFIG_KEY_{number}", f"GIT_CONFIG_VALUE_{number}") for number in numbers]
    pairs = [(os.environ.get(key, ""), os.environ.get(value, "")) for key, value in names]
    passed = [pair for pair in pairs if pair[0].partition(".")[0].lower() in GIT_PASSED_SECTIONS]
    if not passed:
        return {}
    variables = {"GIT_CONFIG_COUNT": str(len(passed))}
    for number, (key, value) in enumerate(passed):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return variables
