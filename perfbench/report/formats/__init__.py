"""One file per format, each with ``SUFFIX`` and ``render(report) -> str``. Files that begin with ``_`` are no formats.

A format is called as its file is, with hyphens: ``github-annotations`` is ``github_annotations.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from perfbench.report.model import Report


def list_formats() -> list[str]:
    """The names of the formats: the files of this folder."""
    return sorted(path.stem.replace("_", "-") for path in Path(__file__).parent.glob("[a-z]*.py"))


def load_renderer(name: str) -> Callable[[Report], str]:
    """The render function of a format."""
    render: Callable[[Report], str] = import_module(f"{__name__}.{name.replace('-', '_')}").render
    return render
