"""The listing of a corpus: every file is a member, or counted with its reason, or a problem; nothing is unpacked."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import random
import re
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import IO

import pytest
from support.corpora import (
    DAY,
    EVENT,
    causes_of,
    event_file,
    listed,
    market,
    markets,
    name,
    names_of,
    tarred,
    write_tree,
    zipped,
)

from perfbench.datasets.corpus import builder, content, folder_tree
from perfbench.datasets.corpus.forward_reader import ForwardReader
from perfbench.datasets.corpus.listing import list_corpus
from perfbench.datasets.corpus.names import Layout, read_layout

NAMES = [name(1), name(2), name(3)]


def write(folder: Path, kind: str, members: Mapping[str, bytes]) -> Path:
    """The members as a folder, a tar, a compressed tar or a zip."""
    if kind == "folder":
        return write_tree(folder / "corpus", members)
    packers: dict[str, Callable[[Mapping[str, bytes]], bytes]] = {
        "tar": tarred,
        "zip": zipped,
        "tar.gz": lambda members: gzip.compress(tarred(members)),
        "tar.bz2": lambda members: bz2.compress(tarred(members)),
    }
    path = folder / f"corpus.{kind}"
    path.write_bytes(packers[kind](members))
    return path


KINDS = ["folder", "tar", "tar.gz", "tar.bz2", "zip"]


# Members -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_listing_has_names_sizes_and_order_whatever_the_corpus_lies_in(tmp_path: Path, kind: str) -> None:
    members = {
        path: bytes([7]) * size for path, size in (("b/1.900000200.bz2", 5), ("a/1.900000300.bz2", 9), ("a/x", 4))
    }
    listing = listed(write(tmp_path, kind, members))
    assert names_of(listing) == ["1.900000300", "x", "1.900000200"]
    assert [member.path for member in listing.members] == ["a/1.900000300.bz2", "a/x", "b/1.900000200.bz2"]
    if kind != "zip":  # whose members are compressed
        assert listing.members.sizes.tolist() == [9, 4, 5]
        assert listing.packed_bytes == 18
    assert not listing.problems
    assert not listing.skipped


@pytest.mark.parametrize("kind", KINDS[:4])
def test_digest_is_that_of_names_and_sizes_wherever_the_corpus_lies(tmp_path: Path, kind: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    members = markets(3)
    first = listed(write(tmp_path, kind, members))
    assert first.digest == listed(write(tmp_path / "elsewhere", "tar", members)).digest
    members[f"{DAY}/{name(3)}.bz2"] += b"x"
    assert first.digest != listed(write(tmp_path / "elsewhere", "tar", members)).digest


def test_order_of_members_in_an_archive_makes_no_difference(tmp_path: Path) -> None:
    members = list(markets(9).items())
    (tmp_path / "a.tar").write_bytes(tarred(members))
    random.Random(3).shuffle(members)
    (tmp_path / "b.tar").write_bytes(tarred(members))
    assert listed(tmp_path / "a.tar").digest == listed(tmp_path / "b.tar").digest


def test_nothing_is_unpacked_for_a_listing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bz2, "BZ2Decompressor", None)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    path = write(tmp_path, "tar", markets(3))
    before = path.stat().st_mtime_ns
    assert names_of(listed(path)) == NAMES
    assert (path.stat().st_mtime_ns, list(tmp_path.iterdir())) == (before, [path])


def test_members_of_a_folder_named_like_markets_are_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path, "folder", markets(2) | {"notes.txt": b"notes"})
    looked_into = []

    def note(file: IO[bytes], label: str) -> str:
        looked_into.append(label)
        return content.detect_kind(file, label)

    monkeypatch.setattr(folder_tree, "detect_kind", note)
    assert len(listed(folder).members) == 3
    assert looked_into == ["notes.txt"]


def test_several_specs_are_one_corpus_in_their_order(tmp_path: Path) -> None:
    files = markets(3)
    (tmp_path / "b.tar").write_bytes(tarred(list(files.items())[:1]))
    (tmp_path / "a.zip").write_bytes(zipped(dict(list(files.items())[1:2])))
    (tmp_path / "single").write_bytes(market(3))
    listing = listed(tmp_path / "b.tar", tmp_path / "single", tmp_path / "a.zip", "sample-win")
    assert names_of(listing) == [name(1), "single", name(2), "sample-win"]


def test_archives_in_a_folder_are_listed_after_its_files(tmp_path: Path) -> None:
    write_tree(tmp_path, {"z/1.900000900.bz2": b"x", "b.tar": tarred(markets(2)), "a.zip": zipped(markets(1, "other"))})
    assert names_of(listed(tmp_path)) == ["1.900000900", name(1), name(1) + " (2)", name(2)]


def test_member_of_an_archive_in_an_archive_is_a_member_as_a_whole(tmp_path: Path) -> None:
    path = write(tmp_path, "zip", {"week.tar": tarred(markets(2))})
    assert names_of(listed(path)) == ["week.tar"]


def test_members_of_one_name_are_numbered(tmp_path: Path) -> None:
    folder = write_tree(
        tmp_path, {"a/rec": b"1", "b/rec": b"22", "c/rec": b"333", "c/rec (2)": b"4444", "d/rec (2)": b"5"}
    )
    assert names_of(listed(folder)) == ["rec", "rec (2)", "rec (3)", "rec (2) (2)", "rec (2) (3)"]


def test_name_that_looks_numbered_is_not_given_twice(tmp_path: Path) -> None:
    folder = write_tree(tmp_path, {"a/rec (2)": b"1", "b/rec": b"22", "c/rec": b"333"})
    assert names_of(listed(folder)) == ["rec (2)", "rec", "rec (3)"]


def test_table_of_members_is_a_sequence(tmp_path: Path) -> None:
    members = listed(write(tmp_path, "tar", markets(3))).members
    assert [member.name for member in members] == NAMES
    assert [member.name for member in members[1:]] == NAMES[1:]
    assert members[-1].name == NAMES[2]
    with pytest.raises(IndexError):
        members[3]


# What is left out ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_hidden_and_empty_files_are_counted(tmp_path: Path, kind: str) -> None:
    extra = {".hidden": b"x", "a/.git/config": b"x", "__MACOSX/a": b"x", "EMPTY": b""}
    listing = listed(write(tmp_path, kind, markets(2) | extra))
    assert names_of(listing) == NAMES[:2]
    assert listing.skipped["empty"] == 1
    assert listing.skipped["hidden"] == 3


@pytest.mark.parametrize("kind", KINDS)
def test_event_file_beside_its_markets_is_counted_and_not_drawn(tmp_path: Path, kind: str) -> None:
    listing = listed(write(tmp_path, kind, markets(3) | {f"{DAY}/{EVENT}.bz2": event_file(3)}))
    assert names_of(listing) == NAMES
    assert dict(listing.skipped) == {"event files beside their markets": 1}


def test_event_file_alone_is_a_member(tmp_path: Path) -> None:
    alone = {f"BASIC/2025/Aug/2/23456789/{name}.bz2": event_file(2) for name in ("23456789",)}
    assert names_of(listed(write(tmp_path, "tar", markets(1) | alone))) == [name(1), "23456789"]


@pytest.mark.parametrize("kind", KINDS)
def test_market_of_the_same_name_and_size_is_a_duplicate(tmp_path: Path, kind: str) -> None:
    listing = listed(write(tmp_path, kind, markets(2) | markets(1, "BASIC/2025/Aug/2/1")))
    assert names_of(listing) == NAMES[:2]
    assert dict(listing.skipped) == {"duplicates (same market and size)": 1}


def test_files_of_other_names_are_duplicates_only_if_they_are_the_same_file(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "a", {"one/rec": b"12", "two/rec": b"34"})
    assert names_of(listed(folder)) == ["rec", "rec (2)"]
    listing = listed(folder, folder, folder / "one/rec")
    assert names_of(listing) == ["rec", "rec (2)"]
    assert listing.skipped["duplicates (same market and size)"] == 3


def test_member_that_a_tar_has_twice_is_counted_once(tmp_path: Path) -> None:
    (tmp_path / "twice.tar").write_bytes(tarred([("rec", b"12"), ("rec", b"12"), ("rec", b"345")]))
    listing = listed(tmp_path / "twice.tar")
    assert names_of(listing) == ["rec", "rec (2)"]
    assert dict(listing.skipped) == {"duplicates (same market and size)": 1}


def test_market_of_the_same_name_and_another_size_is_another_file(tmp_path: Path) -> None:
    listing = listed(write_tree(tmp_path, {"a/1.900000100": b"1", "b/1.900000100": b"22"}))
    assert names_of(listing) == ["1.900000100", "1.900000100 (2)"]


def test_links_in_a_folder_are_followed_once(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "corpus", {"day/1.900000100": b"1", "1.900000200": b"2"})
    other = write_tree(tmp_path / "other", {"1.900000300": b"3"})
    (folder / "again").symlink_to(folder / "day")
    (folder / "day" / "up").symlink_to(folder)
    (folder / "renamed").symlink_to(folder / "1.900000200")
    (folder / "elsewhere").symlink_to(other)
    (folder / "elsewhere again").symlink_to(other)
    os.link(other / "1.900000300", folder / "hard 1")
    os.link(other / "1.900000300", folder / "hard 2")
    listing = listed(folder)
    assert sorted(member.path for member in listing.members) == ["1.900000200", "day/1.900000100", "hard 1"]
    assert not listing.problems
    assert dict(listing.skipped) == {"links to what is listed already": 6}


def test_link_to_a_folder_outside_is_followed(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "corpus", {"1.900000100": b"1"})
    (folder / "more").symlink_to(write_tree(tmp_path / "other", {"1.900000300": b"3", "deep/1.900000400": b"4"}))
    paths = [member.path for member in listed(folder).members]
    assert paths == ["1.900000100", "more/1.900000300", "more/deep/1.900000400"]


def test_link_to_nothing_is_a_problem(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "corpus", {"1.900000100": b"1"})
    (folder / "1.900000200").symlink_to(folder / "missing")
    (folder / "1.900000300").symlink_to("1.900000300")
    listing = listed(folder)
    assert names_of(listing) == ["1.900000100"]
    assert sorted(causes_of(listing)) == [
        "1.900000200 cannot be read (No such file or directory)",
        "1.900000300 cannot be read (Too many levels of symbolic links)",
    ]


def test_pipes_and_sockets_in_a_folder_are_counted(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "corpus", {"1.900000100": b"1"})
    os.mkfifo(folder / "pipe")
    assert dict(listed(folder).skipped) == {"pipes, devices or sockets": 1}


def test_links_in_a_tar_are_counted_and_problems_if_they_are_named_like_markets(tmp_path: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for path, kind in (("latest", tarfile.SYMTYPE), ("1.900000200", tarfile.LNKTYPE), ("device", tarfile.CHRTYPE)):
            header = tarfile.TarInfo(path)
            header.type, header.linkname = kind, "1.900000100"
            archive.addfile(header)
        header = tarfile.TarInfo("1.900000100")
        header.size = 3
        archive.addfile(header, io.BytesIO(b"abc"))
    (tmp_path / "links.tar").write_bytes(file.getvalue())
    listing = listed(tmp_path / "links.tar")
    assert names_of(listing) == ["1.900000100"]
    assert dict(listing.skipped) == {"links": 1, "pipes, devices or sockets": 1}
    assert causes_of(listing) == ["links.tar: member 1.900000200 is a link or a device, not a file"]


# Problems ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_empty_market_file_is_damaged(tmp_path: Path, kind: str) -> None:
    listing = listed(write(tmp_path, kind, markets(1) | {"a/1.900000200.bz2": b""}))
    assert names_of(listing) == NAMES[:1]
    (cause,) = causes_of(listing)
    assert cause.endswith("a/1.900000200.bz2 is empty")


@pytest.mark.parametrize("path", ["../1.900000200", "/etc/1.900000200", "C:\\1.900000200", "a\\..\\..\\1.900000200"])
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_path_that_leads_out_of_an_archive_is_refused(tmp_path: Path, kind: str, path: str) -> None:
    listing = listed(write(tmp_path, kind, markets(1) | {path: b"x"}))
    assert names_of(listing) == NAMES[:1]
    assert causes_of(listing) == [f"corpus.{kind}: member {path} points outside the archive"]


def test_encrypted_member_of_a_zip_is_a_problem(tmp_path: Path) -> None:
    data = bytearray(zipped({"1.900000100": market(1), "1.900000200": market(2)}, zipfile.ZIP_STORED))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "secret.zip").write_bytes(bytes(data))
    listing = listed(tmp_path / "secret.zip")
    assert names_of(listing) == ["1.900000200"]
    assert causes_of(listing) == ["secret.zip: member 1.900000100 is encrypted"]


def test_problems_beyond_the_kept_ones_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "MAX_PROBLEMS", 3)
    listing = listed(write_tree(tmp_path, {f"1.90000{number:04d}": b"" for number in range(8)}))
    assert (len(listing.problems), listing.further_problems) == (3, 5)


@pytest.mark.parametrize(
    ("spec", "cause"),
    [
        ("-", "standard input is no market file"),
        ("nothing.tar", "nothing.tar: no such file"),
        ("sub/nothing.tar", "sub/nothing.tar: no such file"),
        ("@nothing.txt", "list nothing.txt cannot be read (No such file or directory)"),
        ("empty", "empty is a folder without market files"),
        ("market.zst", "market.zst is packed with zstd, which is not supported"),
    ],
)
def test_spec_that_names_nothing_is_one_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str, cause: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "market.zst").write_bytes(b"\x28\xb5\x2f\xfd" + bytes(99))
    listing = listed(spec)
    assert not len(listing.members)
    (problem,) = listing.problems
    assert problem.cause.startswith(cause)
    assert problem.hint


# Lists ---------------------------------------------------------------------------------------------------------------


def test_list_names_files_relative_to_itself_known_files_and_archives(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "lists", {"rec": b"1", "day/1.900007700": b"2", "week.tar": tarred(markets(3))})
    lines = ["\ufeff# my archive", "", "rec", "  day  ", "week.tar", "sample-win", str(folder / "day/1.900007700")]
    (folder / "list.txt").write_text("\r\n".join(lines), encoding="utf-8")
    listing = listed(f"@{folder / 'list.txt'}")
    assert names_of(listing) == ["rec", "1.900007700", *NAMES, "sample-win"]
    assert dict(listing.skipped) == {"duplicates (same market and size)": 1}
    assert not listing.problems


def test_line_of_a_list_that_names_nothing_is_a_problem_and_the_others_are_listed(tmp_path: Path) -> None:
    write_tree(tmp_path, {"1.900000100": b"1", "list.txt": b"missing/file\n@other.txt\n1.900000100\ncaf\xe9\n"})
    listing = listed(f"@{tmp_path / 'list.txt'}")
    assert names_of(listing) == ["1.900000100"]
    first, second, third = causes_of(listing)
    assert first == f"{tmp_path}/missing/file: no such file"
    assert second == f"{tmp_path}/list.txt, line 2 names another list"
    assert third.startswith("caf\\udce9: no such file")


@pytest.mark.parametrize("content", [b"", b"# nothing\n\n"])
def test_list_of_nothing_is_a_problem(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "list.txt").write_bytes(content)
    assert causes_of(listed(f"@{tmp_path / 'list.txt'}")) == [f"list {tmp_path}/list.txt has no lines"]


# Notes and layout ----------------------------------------------------------------------------------------------------


def test_compressed_tar_is_announced_as_slow(tmp_path: Path) -> None:
    notes: list[str] = []
    list_corpus([str(write(tmp_path, "tar.gz", markets(1)))], notes.append)
    (note,) = notes
    assert re.match(r"corpus\.tar\.gz can only be read from its beginning", note)


def test_long_listing_says_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "SILENT_SECONDS", -1.0)
    notes: list[str] = []
    (tmp_path / "many.tar").write_bytes(tarred((f"{number:06d}", b"x") for number in range(5000)))
    list_corpus([str(tmp_path / "many.tar")], notes.append)
    assert notes == ["4,096 files listed, the last many.tar: member 004095"]


@pytest.mark.parametrize(
    ("path", "layout"),
    [
        ("BASIC/2025/Aug/1/34567890/1.246801357.bz2", Layout("BASIC", date(2025, 8, 1), "34567890")),
        ("xds/basic/2025/aug/31/34567890/1.2.bz2", Layout("BASIC", date(2025, 8, 31), "34567890")),
        ("2020/Apr/1/good.bz2", Layout("", date(2020, 4, 1), "")),
        ("PRO\\2021\\Jan\\2\\1\\1.2", Layout("PRO", date(2021, 1, 2), "1")),
        ("2025/Feb/31/1/1.2", Layout("", None, "1")),
        ("1.246801357.bz2", Layout()),
    ],
)
def test_layout_of_a_path_says_plan_day_and_event(path: str, layout: Layout) -> None:
    assert read_layout(path) == layout


def test_forward_reader_skips_forwards_and_a_little_back() -> None:
    content = bytes(range(256)) * 2000
    reader = ForwardReader(content[at : at + 999] for at in range(0, len(content), 999))
    assert reader.read(10) == content[:10]
    assert reader.seek(5000) == reader.tell() == 5000
    assert reader.read(3) == content[5000:5003]
    assert reader.seek(4999) == 4999
    assert reader.read(400_000) == content[4999:404_999]
    assert reader.read() == content[404_999:]
    assert reader.read(1) == b""
    with pytest.raises(io.UnsupportedOperation):
        reader.seek(0)
    assert ForwardReader(iter([b"abc"])).seek(10) == 3
