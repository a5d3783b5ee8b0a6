"""Open a batch of a corpus: unpack its members, join them to one market, describe its strata."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from perfbench.datasets.corpus.members import Member
from perfbench.datasets.corpus.opening import OpenedMember, discard, open_member
from perfbench.model import BatchFile, Market, OpenedBatch

MIXED = "mixed"
"""The label of a batch whose markets have different labels."""


class OpenBatch:
    """The unpacked files of a batch; a context manager that removes them at the end."""

    def __init__(self, name: str, members: Sequence[Member], packed_bytes: int, folder: Path) -> None:
        """Unpack and inspect the members.

        :param folder: for the unpacked files.
        """
        self._opened = [open_member(member, folder) for member in members]
        self.files = tuple(market for opened in self._opened for market in opened.markets)
        self.description = OpenedBatch(
            batch=name,
            packed_bytes=packed_bytes,
            market=join_markets(name, self.files) if self.files else None,
            labels=_join_labels(opened for opened in self._opened if opened.markets),
            unpack_seconds=sum(opened.unpack_seconds for opened in self._opened),
            skipped=tuple(line for opened in self._opened for line in opened.skipped),
            problems=tuple(str(problem) for opened in self._opened for problem in opened.problems),
            files=tuple(file for opened in self._opened for file in _describe_files(opened)),
        )

    def __enter__(self) -> OpenBatch:
        return self

    def __exit__(self, *_error: object) -> None:
        for opened in self._opened:
            discard(opened)


def join_markets(name: str, files: Sequence[Market]) -> Market:
    """A market that stands for all files of a batch: sums of sizes and updates, and a digest of all digests."""
    joined = hashlib.sha256("".join(file.sha256 for file in files).encode()).hexdigest()
    return Market(
        name=name,
        path=files[0].path,
        sha256=files[0].sha256 if len(files) == 1 else joined,
        size_bytes=sum(file.size_bytes for file in files),
        updates=sum(file.updates for file in files),
        markets=sum(file.markets for file in files),
        doubts=tuple(dict.fromkeys(doubt for file in files for doubt in file.doubts)),
    )


def _describe_files(opened: OpenedMember) -> Iterable[BatchFile]:
    labels = opened.strata.labels if opened.strata else ()
    return (BatchFile(market.name, labels) for market in opened.markets)


def _join_labels(opened: Iterable[OpenedMember]) -> tuple[tuple[str, str], ...]:
    """The labels that all members share; of those that differ, ``mixed``."""
    values: dict[str, Counter[str]] = {}
    for member in opened:
        for name, value in member.strata.labels if member.strata else ():
            values.setdefault(name, Counter())[value] += 1
    return tuple((name, next(iter(labels)) if len(labels) == 1 else MIXED) for name, labels in values.items())
