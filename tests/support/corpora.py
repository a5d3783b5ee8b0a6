"""Corpora of small markets for tests: folders, tars and zips, sound and damaged."""

from __future__ import annotations

import bz2
import io
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from perfbench.datasets.corpus.listing import Listing, list_corpus
from perfbench.datasets.corpus.opening import OpenedMember, discard, open_member
from perfbench.datasets.generator.market import stream_event_lines, stream_lines
from perfbench.datasets.generator.recipe import Recipe

EVENT = "34567890"
DAY = f"BASIC/2025/Aug/1/{EVENT}"


def recipe(number: int, sport: str = "7") -> Recipe:
    return Recipe(seed=number, runners=2, updates=20, event_type=sport)


@cache
def market(number: int, sport: str = "7") -> bytes:
    """A plain market file with an id of its own, 20 updates."""
    return "".join(stream_lines(recipe(number, sport))).encode()


def name(number: int) -> str:
    """The id of a market."""
    return f"1.9{number:06d}00"


def markets(count: int, folder: str = DAY) -> dict[str, bytes]:
    """Market files as Betfair packs them, by their paths."""
    return {f"{folder}/{name(number)}.bz2": bz2.compress(market(number)) for number in range(1, count + 1)}


def event_file(count: int) -> bytes:
    """The markets of an event in one file, packed."""
    lines = stream_event_lines([recipe(number) for number in range(1, count + 1)])
    return bz2.compress("".join(lines).encode())


def tarred(members: Mapping[str, bytes] | Iterable[tuple[str, bytes]]) -> bytes:
    """A tar; pairs may repeat a name."""
    file = io.BytesIO()
    pairs = members.items() if isinstance(members, Mapping) else members
    with tarfile.open(fileobj=file, mode="w", errors="surrogateescape") as archive:
        for path, content in pairs:
            header = tarfile.TarInfo(path)
            header.size = len(content)
            archive.addfile(header, io.BytesIO(content))
    return file.getvalue()


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for path, content in members.items():
            archive.writestr(zipfile.ZipInfo(path), content, method)
    return file.getvalue()


def write_tree(folder: Path, members: Mapping[str, bytes]) -> Path:
    """The files below a folder."""
    for path, content in members.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return folder


def listed(*specs: object) -> Listing:
    """The listing of a corpus, whose notes are left out."""
    return list_corpus([str(spec) for spec in specs])


def names_of(listing: Listing) -> list[str]:
    return [member.name for member in listing.members]


def causes_of(listing: Listing) -> list[str]:
    return [problem.cause for problem in listing.problems]


def opened(listing: Listing, folder: Path) -> list[OpenedMember]:
    """Every member, opened and removed again."""
    folder.mkdir(exist_ok=True)
    result = []
    for member in listing.members:
        result.append(open_member(member, folder))
        discard(result[-1])
    assert not list(folder.iterdir())
    return result
