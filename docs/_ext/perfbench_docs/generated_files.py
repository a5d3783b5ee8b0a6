"""Folders of generated pages: what is unchanged is not written again, and what is no longer generated is removed."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path


def write_folder(folder: Path, contents: Mapping[str, str | bytes]) -> None:
    """Make the folder hold these files, by their paths in it, and no others. An unchanged file keeps its time.

    Raises OSError if it cannot be written.
    """
    for path in sorted(folder.rglob("*"), reverse=True):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in contents:
            path.unlink()
        elif path.is_dir() and not any(other.startswith(f"{name}/") for other in contents):
            shutil.rmtree(path)
    for name, content in contents.items():
        path = folder / name
        data = content.encode() if isinstance(content, str) else content
        if not path.is_file() or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
