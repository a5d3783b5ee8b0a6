"""Cut the market files of a corpus to their last part and write them into a folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from perfbench.datasets.corpus.listing import Listing
from perfbench.datasets.corpus.opening import discard, open_member
from perfbench.datasets.description import MarketDescription
from perfbench.errors import DataProblem
from perfbench.worker.stream_cut import cut_stream

Progress = Callable[[int, int], None]
"""Receives the number of members that were read, and that of all."""


@dataclass(frozen=True, slots=True)
class CutFile:
    """A market file that was written, with its bytes as plain text before and after."""

    path: Path
    size_before: int
    size_after: int


def cut_members(
    listing: Listing,
    seconds: float,
    output: Path,
    workspace: Path,
    progress: Progress,
    *,
    replaces: bool = False,
) -> tuple[list[CutFile], list[DataProblem]]:
    """Cut every market file of a listing to ``seconds`` before its scheduled off; returns what was written, and the problems.

    :param output: gets one plain file for each market file, by its name; made if it is missing and anything is written.
    :param workspace: a folder for unpacked files.
    :param replaces: files that are there are replaced; else each is a problem.

    Raises DataProblem if the folder cannot be made.
    """
    is_new = not output.exists()
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataProblem(f"{output} cannot be made: {error.strerror}", hint="choose another folder") from error
    written: list[CutFile] = []
    problems: list[DataProblem] = []
    for number, member in enumerate(listing.members, 1):
        opened = open_member(member, workspace)
        problems += opened.problems
        for market in opened.described:
            try:
                written.append(_cut_market(market, seconds, output, {file.path for file in written}, replaces=replaces))
            except DataProblem as problem:
                problems.append(problem)
        discard(opened)
        progress(number, len(listing.members))
    if is_new and not written:
        output.rmdir()
    return written, problems


def _cut_market(
    market: MarketDescription, seconds: float, output: Path, taken: set[Path], *, replaces: bool
) -> CutFile:
    path = output / Path(market.name).name
    if path in taken:
        raise DataProblem(f"{market.name}: another file of that name was cut before", hint="cut them into two folders")
    if path.exists() and path.samefile(market.path):
        raise DataProblem(f"{path} is the file that is to be cut", hint="choose another folder")
    if path.exists() and not replaces:
        raise DataProblem(f"{path} already exists", hint="choose another folder or add --force")
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with Path(market.path).open("rb") as lines, part.open("wb") as file:
            file.writelines(cut_stream(lines, seconds))
        size = part.stat().st_size
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise DataProblem(
            f"{path} cannot be written ({error.strerror})", hint="free some space or choose another folder"
        ) from error
    return CutFile(path, market.size_bytes, size)
