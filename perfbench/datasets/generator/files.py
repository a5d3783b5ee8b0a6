"""Write a generated market file."""

from __future__ import annotations

from pathlib import Path

from perfbench.datasets.generator.market import stream_lines
from perfbench.datasets.generator.recipe import Recipe
from perfbench.util.files import build_write_problem, open_atomically


def write_market(recipe: Recipe, path: Path) -> None:
    """Write the file atomically. Raises StorageProblem."""
    try:
        with open_atomically(path) as file:
            file.writelines(line.encode("ascii") for line in stream_lines(recipe))
    except OSError as error:
        raise build_write_problem(path, error, "file") from error
