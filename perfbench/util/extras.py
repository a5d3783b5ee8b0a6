"""Optional packages, which come with an extra of perfbench; one that is missing is a line that names the extra."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from perfbench.errors import UsageProblem

EXTRAS = {"pandas": "data", "polars": "data", "pyarrow": "data", "pyarrow.parquet": "data"}
"""The extra that brings each optional package."""


def format_install(package: str) -> str:
    """``pip install 'betfair-perfbench[data]'``: the command that brings a package."""
    return f"pip install 'betfair-perfbench[{EXTRAS[package]}]'"


def is_installed(package: str) -> bool:
    """Whether a package can be imported, without importing it."""
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def require_extra(purpose: str, package: str) -> None:
    """Raises UsageProblem for a package that is not installed.

    :param purpose: what needs it, as the user typed it: ``--export parquet=samples.parquet``.
    """
    if not is_installed(package):
        raise UsageProblem(f"{purpose} needs {package}, which is not installed", hint=format_install(package))


def import_extra(purpose: str, package: str) -> Any:
    """An optional package, imported. Raises UsageProblem; its one line names the extra, because a notebook shows no hint.

    :param purpose: what needs it, as the user typed it: ``to_pandas()``.
    """
    try:
        return import_module(package)
    except ImportError as error:
        if is_installed(package):
            raise UsageProblem(f"{purpose} needs {package}, which cannot be imported: {error}") from error
        raise UsageProblem(f"{purpose} needs {package}, which is not installed: {format_install(package)}") from None
