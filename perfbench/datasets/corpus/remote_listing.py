"""List what a URL names: a file, the members of an archive by requests of ranges, or the objects below a prefix."""

from __future__ import annotations

from collections.abc import Iterable

from perfbench.datasets.archives import DAMAGE_ERRORS, build_damage_problem, is_hidden, make_readable, strip_suffix
from perfbench.datasets.corpus import archive_members, names, remote
from perfbench.datasets.corpus.builder import HIDDEN, ListingBuilder
from perfbench.datasets.corpus.content import ContentKind, detect_kind
from perfbench.datasets.corpus.folder_tree import NO_MARKETS
from perfbench.datasets.corpus.members import Source
from perfbench.datasets.corpus.redaction import QUERY_MARK
from perfbench.errors import DataProblem

ARCHIVE_SUFFIXES = (".tar", ".zip", *names.PACKED_TAR_SUFFIXES)
"""Names of objects below a prefix that are opened for the listing; each takes a request."""


def list_url(url: str, builder: ListingBuilder) -> None:
    """Add what a URL names. Raises DataProblem."""
    if remote.is_prefix(url):
        _list_prefix(url, builder)
    else:
        _list_object(url, builder)


def _get_stem(url: str) -> str:
    """The name of the file of a URL, without the suffix of its compression."""
    return strip_suffix(remote.redact_url(url).removesuffix(QUERY_MARK).rpartition("/")[2])


def _list_object(url: str, builder: ListingBuilder) -> None:
    """Add a file or the members of an archive."""
    label = remote.redact_url(url)
    stem = _get_stem(url)
    if names.is_market_name(stem) or names.is_event_name(stem):
        kind: ContentKind = "file"
        size = _take_size(url, builder)
    else:
        kind, size = _probe(url, label)
    if kind != "file":
        archive_members.list_archive(Source(kind, url, label), builder)
        return
    if size is None:
        raise DataProblem(f"{label}: its server does not tell its size", hint="download it first")
    builder.begin(Source("file", url, label))
    builder.add("", size)


def measure_lines(urls: Iterable[str], builder: ListingBuilder) -> None:
    """Ask for the sizes of the URLs of a list that are market files by their names: one after the other takes too long."""
    builder.measured |= remote.measure_urls(
        url for url in dict.fromkeys(urls) if url.startswith("http") and names.is_market_name(_get_stem(url))
    )


def _take_size(url: str, builder: ListingBuilder) -> int | None:
    size = builder.measured.pop(url) if url in builder.measured else remote.measure_url(url)
    if isinstance(size, DataProblem):
        raise size
    return size


def _probe(url: str, label: str) -> tuple[ContentKind, int | None]:
    """The kind of an object by its first bytes, and its size. A tar whose server sends no ranges is read forwards."""
    size = remote.measure_url(url)
    with remote.open_url_forwards(url) as start:
        kind = detect_kind(start, label)
    if kind in ("tar", "zip") and not _sends_ranges(url, size):
        if kind == "zip":
            raise DataProblem(f"{label}: its server does not send parts of a zip", hint="download it first")
        kind = "packed tar"
    return kind, size


def _sends_ranges(url: str, size: int | None) -> bool:
    """Whether a part from the end of an object can be read."""
    if size is None:
        return False
    try:
        with remote.open_url(url) as file:
            if not file.seekable():
                return False
            file.seek(max(0, size - 1))
            return len(file.read(1)) == 1
    except DataProblem:
        return False


def _list_prefix(url: str, builder: ListingBuilder) -> None:
    """Add the objects below a prefix, and the members of the archives among them."""
    label = remote.redact_url(url)
    if url.startswith("http"):
        raise DataProblem(
            f"{label}: HTTP has no folders", hint="list the URLs of the files, one in a line: --data @urls.txt"
        )
    builder.begin(Source("folder", url, label))
    archives = []
    for item in remote.list_objects(url):
        if any(map(is_hidden, item.path.split("/"))):
            builder.skipped[HIDDEN] += 1
        elif item.path.lower().endswith(ARCHIVE_SUFFIXES) and item.size:
            archives.append(item.path)
        elif item.size is None:
            problem = DataProblem(
                f"{make_readable(item.path)}: its server does not tell its size", hint="download it first"
            )
            builder.add_problem(problem)
        else:
            builder.add(item.path, item.size)
    for path in sorted(archives):
        _list_archive(remote.join_url(url, path), path, builder)


def _list_archive(url: str, path: str, builder: ListingBuilder) -> None:
    before = len(builder.members), len(builder.problems), builder.further_problems
    label = make_readable(path)
    try:
        kind, size = _probe(url, label)
        if kind == "file":
            builder.begin(Source("folder", url[: -len(path)], label))
            builder.add(path, size or 0)
        else:
            archive_members.list_archive(Source(kind, url, label), builder)
    except DataProblem as problem:
        builder.add_problem(problem)
    except DAMAGE_ERRORS as error:
        builder.add_problem(build_damage_problem(label, error))
    if (len(builder.members), len(builder.problems), builder.further_problems) == before:
        builder.skipped[NO_MARKETS] += 1
