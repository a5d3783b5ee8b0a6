"""One file per format, each with ``SUFFIX`` and ``render(report) -> str``. Files that begin with ``_`` are no formats.

A format is called as its file is, with hyphens: ``github-annotations`` is ``github_annotations.py``. One of ``BINARY_FORMATS``
renders bytes; one that takes an optional package names it as ``NEEDS``.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from perfbench.report.model import Report

BINARY_FORMATS = ("parquet",)


def list_formats() -> list[str]:
    """The names of the formats: the files of this folder."""
    return sorted(path.stem.replace("_", "-") for path in Path(__file__).parent.glob("[a-z]*.py"))


def list_text_formats() -> list[str]:
    """The names of the formats that render text."""
    return [name for name in list_formats() if name not in BINARY_FORMATS]


def load_renderer(name: str) -> Callable[[Report], str]:
    """The render function of a format of text."""
    render: Callable[[Report], str] = _import_format(name).render
    return render


def load_binary_renderer(name: str) -> Callable[[Report], bytes]:
    """The render function of one of ``BINARY_FORMATS``."""
    render: Callable[[Report], bytes] = _import_format(name).render
    return render


def find_needed_package(name: str) -> str:
    """The optional package that a format takes; empty if it takes none."""
    return str(getattr(_import_format(name), "NEEDS", ""))


def _import_format(name: str) -> Any:
    return import_module(f"{__name__}.{name.replace('-', '_')}")
