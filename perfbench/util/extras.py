"""The extras of perfbench: the optional packages that each brings, and which of them are missing here.

A module that imports an optional package at its top is imported only after ``require_extra`` or ``has_extra``, in the same
function (tests/unit/util/test_extras.py finds any other import). What a mode imports is not meant: that belongs to its environment.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from perfbench.errors import ExtraMissing

DISTRIBUTION = "betfair-perfbench"

EXTRAS: dict[str, tuple[str, ...]] = {
    "allocations": ("memray",),
    "cluster": ("dask", "distributed"),
    "data": ("pandas", "polars", "pyarrow"),
    "exchange": ("aiohttp", "trustme"),
    "flumine": ("flumine",),
    "html": ("jinja2",),
    "plots": ("matplotlib", "plotext"),
    "profile": ("memory_profiler", "pyinstrument"),
    "remote": ("aiohttp", "fsspec", "s3fs"),
}
"""The modules that each extra brings, as they are imported. ``docs`` is for the developers of perfbench alone."""


def list_missing(extra: str, *modules: str) -> tuple[str, ...]:
    """The modules of an extra that are not installed here; of these modules alone, if any are named."""
    return tuple(module for module in modules or EXTRAS[extra] if importlib.util.find_spec(module) is None)


def has_extra(extra: str, *modules: str) -> bool:
    """Whether all modules of an extra are installed here; these modules alone, if any are named."""
    return not list_missing(extra, *modules)


def require_extra(extra: str, purpose: str, *modules: str) -> None:
    """Raises ExtraMissing if a module of an extra is not installed here; of these modules alone, if any are named.

    :param purpose: what needs it, as the user knows it: ``--plot``, ``perfbench exchange``.
    """
    if missing := list_missing(extra, *modules):
        raise ExtraMissing(describe_missing(purpose, missing), hint=format_install_command(extra))


def import_extra(purpose: str, module: str) -> Any:
    """A module of an extra, imported. Raises ExtraMissing; its one line names the extra, because a notebook shows no hint.

    :param purpose: what needs it, as the user typed it: ``to_pandas()``.
    """
    extra, top = find_extra(module), module.partition(".")[0]
    if has_extra(extra, top):
        try:
            return importlib.import_module(module)
        except ImportError as error:
            raise ExtraMissing(f"{purpose} needs {top}, which cannot be imported: {error}") from error
    raise ExtraMissing(f"{describe_missing(purpose, (top,))}: {format_install_command(extra)}")


def describe_missing(purpose: str, missing: tuple[str, ...]) -> str:
    """One line: what needs which packages."""
    return f"{purpose} needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed"


def describe_omission(what: str, extra: str) -> str:
    """One line for something that is left out because an extra is missing, with the command that installs it."""
    missing = " and ".join(list_missing(extra))
    return f"{what} left out: {missing} not installed ({format_install_command(extra)})"


def format_install_command(extra: str) -> str:
    """The command that installs an extra."""
    return f"pip install '{DISTRIBUTION}[{extra}]'"


def find_extra(module: str) -> str:
    """The extra that brings a module, by its name as it is imported (dots allowed); empty if none does."""
    top = module.partition(".")[0]
    return next((extra for extra, modules in EXTRAS.items() if top in modules), "")
