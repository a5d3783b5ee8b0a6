"""A generated market on the disk."""

from __future__ import annotations

import os
from pathlib import Path

from perfbench.errors import StorageProblem
from perfbench.generating.market import stream_lines
from perfbench.generating.recipe import Recipe

BUFFER = 1 << 20


def write(recipe: Recipe, path: Path) -> None:
    """Write the file; it is there in full or not at all. Raises StorageProblem."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="ascii", newline="\n", buffering=BUFFER) as file:
            file.writelines(stream_lines(recipe))
        part.replace(path)
    except OSError as error:
        raise StorageProblem(
            f"{path} cannot be written ({error.strerror}): free some space or choose another place"
        ) from error
    finally:
        part.unlink(missing_ok=True)
