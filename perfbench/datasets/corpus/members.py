"""The members of a corpus: where each lies, so that exactly this file can be unpacked later."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray

from perfbench.datasets.archives import make_readable
from perfbench.datasets.corpus.names import get_market_name
from perfbench.datasets.corpus.redaction import QUERY_MARK
from perfbench.datasets.manifest import KnownFile

SourceKind = Literal["file", "folder", "tar", "zip", "packed tar"]


@dataclass(frozen=True, slots=True)
class Source:
    """A file, a folder or an archive whose members are listed.

    ``location`` is a path or a URL, which may have credentials and is never shown; ``label`` is its name in messages. A ``packed
    tar`` can only be read from its beginning: it is compressed, or its server does not send parts. ``entry``: of a known file.
    """

    kind: SourceKind
    location: str = field(repr=False)
    label: str
    entry: KnownFile | None = None

    @property
    def is_archive(self) -> bool:
        """Whether its members lie inside one file."""
        return self.kind in ("tar", "zip", "packed tar")

    @property
    def path_label(self) -> str:
        """Its label without the mark of a query that was left out."""
        return self.label.removesuffix(QUERY_MARK)


@dataclass(frozen=True, slots=True)
class Member:
    """A listed file. ``name`` is unique in its corpus; ``path`` is that inside of the source, empty if it is the source.

    ``position`` is the byte of its header in an archive, ``packed_bytes`` its size as it lies there. ``zip_fields``: its
    compression method, flags, CRC-32 and unpacked size in a zip.
    """

    name: str
    source: Source
    path: str
    position: int
    packed_bytes: int
    zip_fields: tuple[int, ...] = ()

    @property
    def label(self) -> str:
        """Where it lies, for messages."""
        if self.source.is_archive:
            return f"{self.source.label}: member {make_readable(self.path)}"
        return make_readable(self.path) if self.path else self.source.label


@dataclass(slots=True)
class MemberTable(Sequence[Member]):
    """Every member of a corpus in a few bytes each; a ``Member`` is made when it is asked for.

    ``numbers`` distinguish members of the same name by their row, from 2 on.
    """

    sources: list[Source] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    source_numbers: array[int] = field(default_factory=lambda: array("i"))
    positions: array[int] = field(default_factory=lambda: array("q"))
    packed_bytes: array[int] = field(default_factory=lambda: array("q"))
    zip_fields: dict[int, tuple[int, ...]] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)

    def __len__(self) -> int:
        """The number of members."""
        return len(self.paths)

    @overload
    def __getitem__(self, index: int) -> Member: ...
    @overload
    def __getitem__(self, index: slice) -> list[Member]: ...
    def __getitem__(self, index: int | slice) -> Member | list[Member]:
        """The member of a row. Raises IndexError."""
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        row = range(len(self))[index]
        return Member(
            name=self.get_name(row),
            source=self.sources[self.source_numbers[row]],
            path=self.paths[row],
            position=self.positions[row],
            packed_bytes=self.packed_bytes[row],
            zip_fields=self.zip_fields.get(row, ()),
        )

    def __iter__(self) -> Iterator[Member]:
        """The members in order."""
        return (self[row] for row in range(len(self)))

    @property
    def sizes(self) -> NDArray[np.int64]:
        """The packed bytes of every member, in order."""
        return np.frombuffer(self.packed_bytes, dtype=np.int64) if self.packed_bytes else np.zeros(0, np.int64)

    def get_name(self, row: int) -> str:
        """The unique name of a row."""
        name = self.get_base_name(row)
        number = self.numbers.get(row)
        return f"{name} ({number})" if number else name

    def get_base_name(self, row: int) -> str:
        """The file name of a row without the suffix of its compression."""
        source = self.sources[self.source_numbers[row]]
        return get_market_name(self.paths[row] or source.path_label, in_archive=source.is_archive)

    def select(self, rows: Sequence[int]) -> MemberTable:
        """A table of these rows in this order."""
        return MemberTable(
            sources=self.sources,
            paths=[self.paths[row] for row in rows],
            source_numbers=array("i", (self.source_numbers[row] for row in rows)),
            positions=array("q", (self.positions[row] for row in rows)),
            packed_bytes=array("q", (self.packed_bytes[row] for row in rows)),
            zip_fields={new: self.zip_fields[row] for new, row in enumerate(rows) if row in self.zip_fields},
        )
