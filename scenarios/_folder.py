"""A folder for what a mode writes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Iterator

from perfbench import setup


@setup
def folder() -> Iterator[Path]:
    """An empty temporary folder."""
    with tempfile.TemporaryDirectory(prefix="perfbench-") as path:
        yield Path(path)
