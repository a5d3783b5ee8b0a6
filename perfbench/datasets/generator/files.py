"""A generated market on the disk."""

from __future__ import annotations

from pathlib import Path

from perfbench.datasets.generator.market import stream_lines
from perfbench.datasets.generator.recipe import Recipe
from perfbench.errors import StorageProblem
from perfbench.util.files import open_atomically


def write_market(recipe: Recipe, path: Path) -> None:
    """Write the file; it is there in full or not at all. Raises StorageProblem."""
    try:
        with open_atomically(path) as file:
            file.writelines(line.encode("ascii") for line in stream_lines(recipe))
    except OSError as error:
        reason = f"{path} cannot be written ({error.strerror})"
        raise StorageProblem(f"{reason}: free some space or choose another place") from error
