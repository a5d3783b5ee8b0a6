"""Unpack and describe one member of a corpus, in a folder of its own that is removed afterwards."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from perfbench.datasets.archives import (
    DAMAGE_ERRORS,
    PlainFile,
    build_damage_problem,
    get_file_name,
    strip_suffix,
    unpack_files,
)
from perfbench.datasets.corpus.listing import Listing
from perfbench.datasets.corpus.member_content import locate_member, read_packed_chunks, read_unpacked_start
from perfbench.datasets.corpus.members import Member
from perfbench.datasets.corpus.names import get_market_name
from perfbench.datasets.corpus.strata import Strata, describe_strata
from perfbench.datasets.description import MarketDescription
from perfbench.datasets.file_kinds import describe_other_content, find_packing
from perfbench.datasets.inspection import inspect_market
from perfbench.datasets.spec_content import read_start, require_genuine, require_regular_file
from perfbench.datasets.workspace import Workspace
from perfbench.errors import DataProblem
from perfbench.model import Market

PEEKED_MEMBERS = 24
"""A listing of no more members than this is looked into."""


@dataclass(frozen=True, slots=True)
class OpenedMember:
    """What a member contains: descriptions of its market files, problems of damaged ones, and lines about other files.

    ``unpack_seconds`` is the wall time of reading and unpacking, without the inspection; ``folder`` has all of its files.
    """

    member: Member
    folder: Path
    described: tuple[MarketDescription, ...]
    problems: tuple[DataProblem, ...]
    skipped: tuple[str, ...]
    unpack_seconds: float

    @property
    def markets(self) -> tuple[Market, ...]:
        """The market files, ready to be replayed; usually one."""
        return tuple(description.market for description in self.described)

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """The name and the value of each stratum, such as ``("sport", "Tennis")``; empty without a market file."""
        return self.strata.labels if self.strata else ()

    @property
    def strata(self) -> Strata | None:
        """What strata are made of; None without a market file."""
        return describe_strata(self.described) if self.described else None


def open_member(member: Member, folder: Path) -> OpenedMember:
    """Unpack a member into a new folder below this one and describe it. Nothing is raised for damage: see ``problems``."""
    own = Path(tempfile.mkdtemp(prefix="member-", dir=folder))
    content = _MemberContent(member, own)
    try:
        content.read()
        _remove_others(own, {Path(description.path) for description in content.described})
    except BaseException:
        shutil.rmtree(own, ignore_errors=True)
        raise
    return OpenedMember(
        member=member,
        folder=own,
        described=tuple(content.described),
        problems=tuple(content.problems),
        skipped=tuple(content.skipped),
        unpack_seconds=content.unpack_seconds,
    )


def peek_member(member: Member) -> str:
    """What a member is that is certainly no market file, by its first bytes; empty if it may be one, or cannot be read."""
    try:
        start = read_unpacked_start(member)
    except (DataProblem, *DAMAGE_ERRORS):
        return ""
    name = get_market_name(member.path or member.source.path_label, in_archive=member.source.is_archive)
    return "" if find_packing(start) else describe_other_content(start, name)


def count_markets(listing: Listing) -> int:
    """The members that may be market files; in a listing of a few, without those that are something else for certain.

    Notes and catalogues beside a few markets make no corpus of them.
    """
    if len(listing.members) > PEEKED_MEMBERS:
        return len(listing.members)
    return sum(not peek_member(member) for member in listing.members)


def discard(opened: OpenedMember) -> None:
    """Remove the unpacked files of a member."""
    shutil.rmtree(opened.folder, ignore_errors=True)


@dataclass(slots=True)
class _MemberContent:
    """The files of a member while they are unpacked and inspected."""

    member: Member
    folder: Path
    described: list[MarketDescription] = field(default_factory=list)
    problems: list[DataProblem] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    unpack_seconds: float = 0.0

    def read(self) -> None:
        """Unpack and inspect every file of the member."""
        files = self._unpack()
        while True:
            start = time.perf_counter()
            unpacked = next(files, None)
            self.unpack_seconds += time.perf_counter() - start
            if unpacked is None:
                break
            try:
                if isinstance(unpacked, DataProblem):
                    raise unpacked
                self._inspect(unpacked)
            except DataProblem as problem:
                self.problems.append(problem)
        if len(self.described) == 1:
            self.described[0] = replace(self.described[0], name=self._name_market(self.described[0]))
        else:
            self.described = [replace(market, name=f"{self.member.name}/{market.name}") for market in self.described]

    def _name_market(self, described: MarketDescription) -> str:
        """The name of the member; a file that is not packed, whatever its suffix says, keeps its own."""
        source = self.member.source
        if source.kind == "file" and described.packing == "plain" and self.member.name == strip_suffix(source.label):
            return source.label
        return self.member.name

    def _unpack(self) -> Iterator[PlainFile | DataProblem]:
        member, label = self.member, self.member.label
        try:
            workspace = Workspace.for_size(self.folder, member.packed_bytes, label)
            path = locate_member(member)
            packing = member.source.kind.replace("packed tar", "tar") if member.source.is_archive else ""
            if path is None:
                packed = workspace.store(read_packed_chunks(member))
            else:
                require_regular_file(path, label)
                packed = path
            for unpacked in unpack_files(packed, label, workspace, packing, 1 if packing else 0):
                if isinstance(unpacked, PlainFile) and unpacked.path == path:
                    yield replace(unpacked, path=workspace.give_neutral_name(path))
                else:
                    yield unpacked
        except DataProblem as problem:
            yield problem
        except DAMAGE_ERRORS as error:
            yield build_damage_problem(label, error)

    def _inspect(self, file: PlainFile) -> None:
        """Describe a file, or note what else it is. Raises DataProblem."""
        source = self.member.source
        if source.kind != "file" or file.is_member:
            kind = describe_other_content(read_start(file), self._get_base_name(file))
            if kind:
                self.skipped.append(f"{file.name} ({kind})")
                return
        description = inspect_market(file.path, file.name, file.packing, file.packed_bytes)
        require_genuine(description, Path(source.location), source.entry)
        self.described.append(description)

    def _get_base_name(self, file: PlainFile) -> str:
        """The name of a file without folders: that of the member, or inside of it if it is an archive."""
        if file.is_member:
            return get_file_name(file.name)
        return get_market_name(
            self.member.path or self.member.source.path_label, in_archive=self.member.source.is_archive
        )


def _remove_others(folder: Path, kept: set[Path]) -> None:
    """Remove what was unpacked on the way to the market files."""
    for path in folder.iterdir():
        if path not in kept:
            path.unlink()
