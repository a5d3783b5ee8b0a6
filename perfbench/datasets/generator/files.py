"""Write a generated market file."""

from __future__ import annotations

import bz2
import gzip
import lzma
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO, cast

from perfbench.datasets.generator.market import stream_lines
from perfbench.datasets.generator.recipe import Recipe
from perfbench.util.files import build_write_problem, open_atomically


def write_market(recipe: Recipe, path: Path) -> None:
    """Write the file atomically, packed if its name ends in .bz2, .gz or .xz. Raises StorageProblem."""
    try:
        with open_atomically(path) as plain, _open_packed(plain, path.suffix.lower()) as file:
            file.writelines(line.encode("ascii") for line in stream_lines(recipe))
    except OSError as error:
        raise build_write_problem(path, error, "file") from error


def _open_packed(file: BinaryIO, suffix: str) -> AbstractContextManager[BinaryIO]:
    if suffix == ".bz2":
        return cast("AbstractContextManager[BinaryIO]", bz2.open(file, "wb"))
    if suffix == ".gz":
        # Without name and time of the file, so that the same seed gives the same bytes.
        return cast("AbstractContextManager[BinaryIO]", gzip.GzipFile("", "wb", fileobj=file, mtime=0))
    if suffix == ".xz":
        return cast("AbstractContextManager[BinaryIO]", lzma.open(file, "wb"))
    return nullcontext(file)
