"""Collect the members of a listing: what is skipped is counted by its reason, duplicates and event files are set apart."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from perfbench.datasets.archives import DAMAGE_HINT, explain_path, is_wanted
from perfbench.datasets.corpus import names
from perfbench.datasets.corpus.members import Member, MemberTable, Source
from perfbench.errors import DataProblem

HIDDEN, LINKS, SPECIAL = "hidden", "links", "pipes, devices or sockets"
EMPTY, EVENT_FILES, DUPLICATES = "empty", "event files beside their markets", "duplicates (same market and size)"
LISTED_ALREADY = "links to what is listed already"

MAX_PROBLEMS = 1000
"""Problems that are kept; the others are counted."""

MAX_POSITION = 1 << 62
"""Bytes that no archive has; damaged headers have larger numbers."""

SILENT_SECONDS = 10.0
"""Seconds of listing until a line says how far it is."""

Observer = Callable[[str], None]


@dataclass(slots=True)
class ListingBuilder:
    """Rows of a listing, source by source. ``further_problems`` are those beyond the ones that are kept."""

    observe: Observer
    members: MemberTable = field(default_factory=MemberTable)
    skipped: Counter[str] = field(default_factory=Counter)
    problems: list[DataProblem] = field(default_factory=list)
    further_problems: int = 0
    observed_at: float = field(default_factory=time.monotonic)
    measured: dict[str, int | DataProblem | None] = field(default_factory=dict)
    """Sizes of URLs that were asked for together."""
    _first_row: int = 0

    def begin(self, source: Source) -> None:
        """Begin with the members of a source."""
        self.finish_source()
        self.members.sources.append(source)

    def add_problem(self, problem: DataProblem) -> None:
        """Keep a problem, or count it if there are too many."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)
        else:
            self.further_problems += 1

    def add(self, path: str, packed_bytes: int, position: int = 0, zip_fields: tuple[int, ...] = ()) -> None:
        """Add a file of the source, unless its name or its size shows that it is none to measure."""
        members = self.members
        source = members.sources[-1]
        if source.is_archive:
            if not is_wanted(path):
                self.skipped[HIDDEN] += 1
                return
            if refusal := explain_path(path):
                self.add_problem(DataProblem(f"{self._label(path)} {refusal}", hint="repack the archive without it"))
                return
        if not packed_bytes:
            if not path or self._is_market(path):
                self.add_problem(DataProblem(f"{self._label(path)} is empty", hint=DAMAGE_HINT))
            else:
                self.skipped[EMPTY] += 1
            return
        if not (0 < packed_bytes <= MAX_POSITION and 0 <= position <= MAX_POSITION):
            self.add_problem(DataProblem(f"{self._label(path)} has an impossible size or place", hint=DAMAGE_HINT))
            return
        if zip_fields:
            members.zip_fields[len(members)] = zip_fields
        members.paths.append(path)
        members.source_numbers.append(len(members.sources) - 1)
        members.positions.append(position)
        members.packed_bytes.append(packed_bytes)
        if not len(members) % 4096 and time.monotonic() - self.observed_at > SILENT_SECONDS:
            self.observed_at = time.monotonic()
            self.observe(f"{len(members):,} files listed, the last {members[-1].label}")

    def add_special(self, path: str, reason: str) -> None:
        """Count a member of an archive that is no file; one that is named like a market is a problem."""
        if self._is_market(path):
            refusal = "is a link or a device, not a file"
            self.add_problem(DataProblem(f"{self._label(path)} {refusal}", hint="repack the archive without it"))
        else:
            self.skipped[reason] += 1

    def _is_market(self, path: str) -> bool:
        return names.is_market_name(names.get_market_name(path, in_archive=self.members.sources[-1].is_archive))

    def _label(self, path: str) -> str:
        """The place of a path in the last source, for messages."""
        source = self.members.sources[-1]
        return Member(name="", source=source, path=path, position=0, packed_bytes=0).label

    def finish_source(self) -> None:
        """Sort the members of the last source by path; members of one path stay in the order of their archive."""
        members, first = self.members, self._first_row
        last = len(members)
        order = sorted(range(first, last), key=members.paths.__getitem__)
        if order != list(range(first, last)):
            _reorder(members, first, order)
        self._first_row = last

    def finish(self) -> MemberTable:
        """Every member that is to be drawn: event files beside their markets and duplicates are counted as skipped."""
        self.finish_source()
        dropped = self._find_event_files()
        self.skipped[EVENT_FILES] += len(dropped)
        duplicates = self._find_duplicates(dropped)
        self.skipped[DUPLICATES] += len(duplicates)
        dropped |= duplicates
        if dropped:
            self.members = self.members.select([row for row in range(len(self.members)) if row not in dropped])
        self._number_names()
        return self.members

    def _find_event_files(self) -> set[int]:
        """Rows of files that are named after their folder, a number, and have market files beside them."""
        folders: dict[tuple[int, str], int] = {}
        for row, (folder, name) in enumerate(map(self._split, range(len(self.members)))):
            if names.is_event_name(name) and folder.rpartition("/")[2] == name:
                folders[self.members.source_numbers[row], folder] = row
        if not folders:
            return set()
        events = set()
        for row, (folder, name) in enumerate(map(self._split, range(len(self.members)))):
            event = folders.get((self.members.source_numbers[row], folder))
            if event is not None and names.is_market_name(name):
                events.add(event)
        return events

    def _split(self, row: int) -> tuple[str, str]:
        """The folder of a row and its name without suffix."""
        source = self.members.sources[self.members.source_numbers[row]]
        return names.split_path(self.members.paths[row], in_archive=source.is_archive)[0], self.members.get_base_name(
            row
        )

    def _find_duplicates(self, dropped: set[int]) -> set[int]:
        """Rows of a market id and size, or of a place and size, that an earlier row has."""
        seen: set[tuple[str, int]] = set()
        duplicates = set()
        for row in range(len(self.members)):
            if row in dropped:
                continue
            name = self.members.get_base_name(row)
            if not names.is_market_name(name):
                name = f"{self.members.sources[self.members.source_numbers[row]].location}/{self.members.paths[row]}".rstrip(
                    "/"
                )
            key = name, self.members.packed_bytes[row]
            if key in seen:
                duplicates.add(row)
            seen.add(key)
        return duplicates

    def _number_names(self) -> None:
        """Number the members of one name from the second on, so that each name is unique."""
        taken: dict[str, int] = {}
        for row in range(len(self.members)):
            name = self.members.get_base_name(row)
            number = taken.get(name, 0) + 1
            while number > 1 and f"{name} ({number})" in taken:
                number += 1
            taken[name] = number
            if number > 1:
                self.members.numbers[row] = number
                taken.setdefault(f"{name} ({number})", 1)


def _reorder(members: MemberTable, first: int, order: list[int]) -> None:
    ordered = members.select(order)
    members.paths[first:] = ordered.paths
    members.positions[first:] = ordered.positions
    members.packed_bytes[first:] = ordered.packed_bytes
    for row in order:
        members.zip_fields.pop(row, None)
    members.zip_fields.update({first + row: fields for row, fields in ordered.zip_fields.items()})
