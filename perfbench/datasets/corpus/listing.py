"""List the market files of a corpus by names and sizes alone: nothing is unpacked, of archives only the headers are read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from perfbench.datasets.archives import DAMAGE_ERRORS, build_damage_problem, make_readable
from perfbench.datasets.corpus import archive_members, folder_tree, list_file, remote, remote_listing
from perfbench.datasets.corpus.builder import ListingBuilder
from perfbench.datasets.corpus.content import detect_kind
from perfbench.datasets.corpus.members import MemberTable, Source
from perfbench.datasets.resolve import locate_spec
from perfbench.datasets.spec_content import Observer, ignore, require_regular_file
from perfbench.errors import DataProblem
from perfbench.util.activity import doing


@dataclass(frozen=True, slots=True)
class Listing:
    """A listed corpus, in an order that depends on its specs, paths and sizes only.

    ``members`` are the files that may be drawn. ``skipped`` counts other files by the reason why they are left out; ``problems``
    are those that should be market files and are none, ``further_problems`` the number beyond the kept ones. ``digest`` is a
    SHA-256 of the names and sizes of the members in order, equal wherever the corpus lies.
    """

    members: MemberTable
    problems: tuple[DataProblem, ...]
    further_problems: int
    skipped: Mapping[str, int]
    digest: str

    @property
    def packed_bytes(self) -> int:
        """The bytes of all members as they lie there."""
        return int(self.members.sizes.sum())


def list_corpus(specs: Sequence[str], observe: Observer = ignore) -> Listing:
    """The listing of files, folders, archives, lists (``@list.txt``), known names and URLs as one corpus.

    :param observe: receives lines about slow or unusual sources.
    """
    builder = ListingBuilder(observe)
    with doing("listing market files"):
        for spec in specs:
            _list_spec(spec, builder)
        members = builder.finish()
    return Listing(
        members=members,
        problems=tuple(builder.problems),
        further_problems=builder.further_problems,
        skipped=MappingProxyType({reason: count for reason, count in sorted(builder.skipped.items()) if count}),
        digest=_compute_digest(members),
    )


def _compute_digest(members: MemberTable) -> str:
    checksum = hashlib.sha256()
    for row in range(len(members)):
        checksum.update(f"{members.get_name(row)}\0{members.packed_bytes[row]}\n".encode())
    return checksum.hexdigest()


def _list_spec(spec: str, builder: ListingBuilder) -> None:
    """Add the members of a spec. What cannot be listed becomes a problem."""
    label = remote.redact_url(spec) if remote.is_url(spec) else make_readable(spec)
    before = len(builder.members), len(builder.problems), builder.further_problems
    try:
        if spec.startswith("@"):
            list_file.list_specs(spec[1:], builder, _list_spec)
        elif remote.is_url(spec):
            remote_listing.list_url(spec, builder)
        else:
            _list_path(spec, builder)
    except DataProblem as problem:
        builder.add_problem(problem)
    except DAMAGE_ERRORS as error:
        builder.add_problem(build_damage_problem(label, error))
    if (len(builder.members), len(builder.problems), builder.further_problems) == before:
        builder.add_problem(DataProblem(f"{label} contains no market file", hint="choose another file or folder"))


def _list_path(spec: str, builder: ListingBuilder) -> None:
    """Add a file, the content of an archive or of a folder. Raises DataProblem."""
    path, entry = locate_spec(spec)
    if path.is_dir():
        folder_tree.list_folder(path, make_readable(spec), builder)
        return
    label = entry.name if entry else make_readable(path.name)
    require_regular_file(path, label)
    with path.open("rb") as content:
        kind = detect_kind(content, label)
    source = Source(kind, str(path.absolute()), label, entry)
    if kind == "file":
        builder.begin(source)
        builder.add("", path.stat().st_size)
    else:
        archive_members.list_archive(source, builder)
