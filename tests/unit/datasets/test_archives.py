"""Archives and compressed files: every member is described or named, whatever is damaged, joined, cut or named badly."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from perfbench.datasets import resolve
from perfbench.datasets.description import MarketDescription
from perfbench.datasets.generator.market import stream_lines
from perfbench.datasets.generator.recipe import Recipe


def content(seed: int) -> bytes:
    return "".join(stream_lines(Recipe(seed=seed, runners=2, updates=40))).encode()


NAMES = ("1.900000101", "1.900000102", "1.900000103")
MARKETS = {name: content(seed) for seed, name in enumerate(NAMES, 1)}


def tarred(members: Mapping[str, bytes] = MARKETS) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", errors="surrogateescape") as archive:
        for name, plain in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(plain)
            archive.addfile(member, io.BytesIO(plain))
    return file.getvalue()


def zipped(members: Mapping[str, bytes] = MARKETS, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, plain in members.items():
            archive.writestr(zipfile.ZipInfo(name), plain, method)
    return file.getvalue()


def offset_of(archive: bytes, number: int) -> int:
    """Where the header of a member of a tar begins."""
    return tarfile.open(fileobj=io.BytesIO(archive)).getmembers()[number].offset


def flipped(data: bytes, at: int, mask: int = 1) -> bytes:
    return data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]


Outcome = tuple[list[MarketDescription], list[str]]


def described(folder: Path, data: bytes, name: str = "archive") -> Outcome:
    """The markets of a file, and the causes of its problems."""
    (folder / "workspace").mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    markets, problems = resolve.describe_markets(str(folder / name), folder / "workspace")
    assert all(problem.hint for problem in problems)
    return markets, [problem.cause for problem in problems]


def names_of(markets: list[MarketDescription]) -> list[str]:
    return [market.name for market in markets]


# Tars ----------------------------------------------------------------------------------------------------------------


def test_members_before_and_behind_a_damaged_header_are_described_and_the_damage_is_named(tmp_path: Path) -> None:
    sound = tarred()
    markets, problems = described(tmp_path, flipped(sound, offset_of(sound, 1) + 10))
    assert names_of(markets) == [NAMES[0], NAMES[2]]
    (problem,) = problems
    assert problem.startswith("archive is damaged or cut off after member 1.900000103 (a damaged header at byte ")


def test_damaged_first_header_hides_no_later_member(tmp_path: Path) -> None:
    markets, problems = described(tmp_path, flipped(tarred(), 10))
    assert names_of(markets) == [*NAMES[1:]]
    assert "a damaged header at byte 0" in problems[0]


def test_damaged_mark_of_a_tar_is_damage_and_no_other_kind_of_file(tmp_path: Path) -> None:
    markets, problems = described(tmp_path, flipped(tarred(), 258))
    assert names_of(markets) == [*NAMES[1:]]
    assert "archive is damaged or cut off" in problems[0]


@pytest.mark.parametrize("excess", [0, 200])
def test_tar_that_is_cut_at_or_in_a_header_is_named(tmp_path: Path, excess: int) -> None:
    sound = tarred()
    markets, problems = described(tmp_path, sound[: offset_of(sound, 1) + excess])
    assert names_of(markets) == [NAMES[0]]
    assert len(problems) == 1
    assert problems[0].startswith("archive is damaged or cut off after member 1.900000101 (")


def test_tar_that_is_cut_in_a_member_names_the_member(tmp_path: Path) -> None:
    sound = tarred()
    markets, problems = described(tmp_path, sound[: offset_of(sound, 1) + 1000])
    assert names_of(markets) == [NAMES[0]]
    assert problems[0] == "archive: member 1.900000102 is damaged or truncated (unexpected end of data)"


def test_joined_tars_give_the_markets_of_all(tmp_path: Path) -> None:
    first, second = tarred({NAMES[0]: MARKETS[NAMES[0]]}), tarred({NAMES[1]: MARKETS[NAMES[1]]})
    markets, problems = described(tmp_path, first + second)
    assert (names_of(markets), problems) == ([*NAMES[:2]], [])


def test_tar_without_a_mark_is_a_tar(tmp_path: Path) -> None:
    header = bytearray(tarred()[:512])
    header[257:265] = bytes(8)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    markets, problems = described(tmp_path, bytes(header) + tarred()[512:])
    assert (names_of(markets), problems) == ([*NAMES], [])


# Zips ----------------------------------------------------------------------------------------------------------------


def test_member_with_an_unknown_method_hides_no_later_member(tmp_path: Path) -> None:
    data = bytearray(zipped())
    directory = data.index(b"PK\x01\x02")
    struct.pack_into("<H", data, directory + 10, 97)
    struct.pack_into("<H", data, 8, 97)
    markets, problems = described(tmp_path, bytes(data))
    assert names_of(markets) == [*NAMES[1:]]
    assert problems[0].startswith("archive: member 1.900000101 is damaged or truncated (")


def test_damaged_member_of_a_zip_hides_no_other(tmp_path: Path) -> None:
    sound = zipped()
    markets, problems = described(tmp_path, flipped(sound, sound.index(b"PK\x03\x04", 4) + 100, 0xFF))
    assert names_of(markets) == [NAMES[0], NAMES[2]]
    assert problems[0].startswith("archive: member 1.900000102 is damaged or truncated (")


def test_damaged_directory_of_a_zip_hides_no_member_without_a_word(tmp_path: Path) -> None:
    data = bytearray(zipped())
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 4)
    struct.pack_into("<H", data, second + 32, 46 + len(NAMES[2]))  # the comment of the second takes the third
    markets, problems = described(tmp_path, bytes(data))
    assert names_of(markets) == [*NAMES[:2]]
    assert problems == ["archive is damaged (its directory lists 2 of 3 members)"]


@pytest.mark.parametrize(("place", "mark"), [(0, "."), (10, "/"), (10, "\\")])
def test_damaged_name_in_the_directory_of_a_zip_hides_no_member_without_a_word(
    tmp_path: Path, place: int, mark: str
) -> None:
    data = bytearray(zipped())
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 4)
    data[second + 46 + place] = ord(mark)  # the name of a hidden file, or of a folder
    markets, problems = described(tmp_path, bytes(data))
    assert names_of(markets) == [NAMES[0], NAMES[2]]
    assert len(problems) == 1
    assert problems[0].startswith("archive is damaged (File name in directory ")


def test_hidden_members_and_folders_of_a_sound_zip_are_no_problem(tmp_path: Path) -> None:
    sound = {"2020/": b"", "2020/.DS_Store": b"x", "__MACOSX/._a": b"y", f"2020/{NAMES[0]}": MARKETS[NAMES[0]]}
    markets, problems = described(tmp_path, zipped(sound))
    assert (names_of(markets), problems) == ([NAMES[0]], [])


def test_backslashes_of_windows_separate_folders_and_end_their_names(tmp_path: Path) -> None:
    members = {"2020\\Apr\\": b"", "2020\\Apr\\1.900000101": MARKETS[NAMES[0]], "..\\1.900000102": MARKETS[NAMES[1]]}
    markets, problems = described(tmp_path, zipped(members))
    assert names_of(markets) == [NAMES[0]]
    assert problems == ["archive: member ..\\1.900000102 points outside the archive"]


# Compressed streams --------------------------------------------------------------------------------------------------

PACKERS: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


@pytest.mark.parametrize("kind", PACKERS)
def test_joined_streams_are_one_file(tmp_path: Path, kind: str) -> None:
    plain = MARKETS[NAMES[0]]
    pack = PACKERS[kind]
    markets, problems = described(tmp_path, pack(plain[:5000]) + pack(plain[5000:]) + bytes(16))
    assert (markets[0].updates, markets[0].packing, problems) == (40, kind, [])


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("at", [1, 40])
def test_damaged_second_stream_is_named_and_not_left_out(tmp_path: Path, kind: str, at: int) -> None:
    plain = MARKETS[NAMES[0]]
    half = plain.index(b"\n", 5000) + 1
    pack = PACKERS[kind]
    first = pack(plain[:half])
    markets, problems = described(tmp_path, flipped(first + pack(plain[half:]), len(first) + at, 0xFF))
    assert markets == []
    assert problems[0].startswith("archive is damaged or truncated (")


@pytest.mark.parametrize("kind", PACKERS)
def test_compressed_file_that_ends_early_is_named(tmp_path: Path, kind: str) -> None:
    for length in (12, 200, -1):
        markets, problems = described(tmp_path, PACKERS[kind](MARKETS[NAMES[0]])[:length])
        assert (markets, len(problems)) == ([], 1)
        assert "is damaged or truncated (" in problems[0]


def test_content_of_exactly_one_chunk_is_complete(tmp_path: Path) -> None:
    line = MARKETS[NAMES[0]].splitlines(keepends=True)[0]
    plain = line + b" " * ((1 << 20) - len(line) - 1) + b"\n"
    for pack in PACKERS.values():
        markets, problems = described(tmp_path, pack(plain))
        assert (markets[0].size_bytes, problems) == (1 << 20, [])


def test_xz_that_wants_gigabytes_of_memory_is_refused(tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 64 << 20}]
    data = bytearray(lzma.compress(MARKETS[NAMES[0]], filters=filters))
    data[16] = 39  # 3 GiB in the header of the block
    data[20:24] = struct.pack("<I", zlib.crc32(data[12:20]))
    markets, problems = described(tmp_path, bytes(data))
    assert (markets, problems) == ([], ["archive is damaged or truncated (Memory usage limit exceeded)"])


FOREIGN = {
    "zstd": b"\x28\xb5\x2f\xfd\x04\x58" + bytes(range(256)),
    "7z": b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(200),
    "rar": b"Rar!\x1a\x07\x01\x00" + bytes(200),
    "lz4": b"\x04\x22\x4d\x18" + bytes(200),
    "lzma": lzma.compress(MARKETS[NAMES[0]], lzma.FORMAT_ALONE),
    "zlib": zlib.compress(MARKETS[NAMES[0]]),
    "lzip": b"LZIP\x01" + bytes(200),
    "compress (.Z)": b"\x1f\x9d\x90" + bytes(200),
}


@pytest.mark.parametrize("packer", FOREIGN)
def test_packer_that_is_not_supported_is_named_with_its_command(tmp_path: Path, packer: str) -> None:
    (tmp_path / "market").write_bytes(FOREIGN[packer])
    _, (problem,) = resolve.describe_markets(str(tmp_path / "market"), tmp_path)
    assert problem.cause == f"market is packed with {packer}, which is not supported"
    assert problem.hint.startswith("unpack it: ")
    assert problem.hint.endswith(" market")


# Names ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["1.900000101.gz", "1.900000101.bz2", "1.900000101.zst", "market.log", "m.jsonl", "1.1"]
)
def test_name_that_misleads_readers_is_replaced_for_them_only(tmp_path: Path, name: str) -> None:
    (market,), problems = described(tmp_path, MARKETS[NAMES[0]], name)
    assert problems == []
    assert (market.name, market.packing) == (name, "plain")
    path = Path(market.path)
    assert path.parent == tmp_path / "workspace"
    assert "." not in path.name
    assert path.read_bytes() == MARKETS[NAMES[0]]


@pytest.mark.parametrize("name", ["1.900000101", "PRO-1.900000101", "market"])
def test_name_that_says_nothing_of_a_packing_is_kept(tmp_path: Path, name: str) -> None:
    (market,), _ = described(tmp_path, MARKETS[NAMES[0]], name)
    assert market.path == str(tmp_path / name)


def test_names_that_are_not_utf_8_can_be_shown_and_saved(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    try:
        (market,), problems = described(tmp_path, MARKETS[NAMES[0]], name)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    assert (market.name, problems) == ("caf\\udce9", [])
    assert Path(market.path).read_bytes() == MARKETS[NAMES[0]]
    market.path.encode()
    (member,), problems = described(tmp_path, tarred({name: MARKETS[NAMES[0]]}))
    assert (member.name, problems) == ("caf\\udce9", [])


def test_name_of_many_characters_is_shortened_in_messages(tmp_path: Path) -> None:
    _, (problem,) = described(tmp_path, zipped({"x" * 60_000: b""}))
    assert len(problem) < 500


# Files that are no markets -------------------------------------------------------------------------------------------

CATALOGUE = b'{"marketId":"1.900000700","marketName":"5f","runners":[]}'
OTHERS = {
    "1.900000700.json.gz": gzip.compress(CATALOGUE),
    "1.900000700.cat.bz2": bz2.compress(CATALOGUE),
    "1.900000701": CATALOGUE,
    "orders": b'{"op":"ocm","pt":1,"oc":[]}\n',
    "desktop.ini": b"[.ShellClassInfo]\n",
    "Thumbs.db": b"\xd0\xcf\x11\xe0\x00\x01",
    "prices.csv": b"a,b\n",
    "lock": b"",
    "book.xlsx": zipped({"xl/sheet.xml": b"<a/>", "[Content_Types].xml": b"<b/>"}),
}


def in_folder(folder: Path, files: Mapping[str, bytes]) -> tuple[Outcome, list[str]]:
    notes: list[str] = []
    for name, data in files.items():
        (folder / "rec" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "rec" / name).write_bytes(data)
    (folder / "workspace").mkdir()
    markets, problems = resolve.describe_markets(str(folder / "rec"), folder / "workspace", notes.append)
    return (markets, [problem.cause for problem in problems]), notes


def test_files_beside_the_markets_of_a_folder_are_counted_and_no_problem(tmp_path: Path) -> None:
    (markets, problems), (note,) = in_folder(tmp_path, {**OTHERS, "1.900000101.gz": gzip.compress(MARKETS[NAMES[0]])})
    assert (names_of(markets), problems) == ([NAMES[0]], [])
    assert note.startswith(f"{tmp_path / 'rec'}: 9 files are no recordings of markets: ")
    assert [path.name for path in (tmp_path / "workspace").iterdir()] == [Path(markets[0].path).name]


def test_files_beside_the_markets_of_an_archive_are_counted_and_no_problem(tmp_path: Path) -> None:
    notes: list[str] = []
    (tmp_path / "rec.tar").write_bytes(tarred({**OTHERS, **MARKETS}))
    markets, problems = resolve.describe_markets(str(tmp_path / "rec.tar"), tmp_path, notes.append)
    assert (names_of(markets), problems) == ([*NAMES], [])
    assert len(notes) == 1


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("1.900000702", MARKETS[NAMES[0]][:5000]),
        ("recording", MARKETS[NAMES[0]][:5000]),
        ("1.900000702", b""),
        ("1.900000702", bytes(4096)),
        ("1.900000702", b"\x93garbage\x00"),
        ("1.900000702", MARKETS[NAMES[0]].decode().encode("utf-16")),
        ("catalogue.json", MARKETS[NAMES[0]].replace(b'"pt"', b'"xx"', 1)),
        ("1.900000702.gz", gzip.compress(MARKETS[NAMES[0]])[:300]),
        ("month.7z", FOREIGN["7z"]),
    ],
)  # fmt: skip
def test_broken_market_in_a_folder_is_a_problem(tmp_path: Path, name: str, data: bytes) -> None:
    (markets, problems), notes = in_folder(tmp_path, {"1.900000101": MARKETS[NAMES[0]], name: data})
    assert names_of(markets) == [NAMES[0]]
    assert len(problems) == 1
    assert notes == []


def test_market_called_as_a_text_in_a_folder_is_measured(tmp_path: Path) -> None:
    (markets, problems), notes = in_folder(tmp_path, {"1.900000101.txt": MARKETS[NAMES[0]], "b.md": MARKETS[NAMES[1]]})
    assert (names_of(markets), problems, notes) == (["1.900000101.txt", "b.md"], [], [])


def test_folder_of_other_files_only_is_refused_with_what_it_has(tmp_path: Path) -> None:
    (markets, (problem,)), _ = in_folder(tmp_path, {"desktop.ini": b"[a]\n"})
    assert markets == []
    assert problem == f"{tmp_path / 'rec'} is a folder without market files"


def test_file_that_is_named_itself_is_inspected_whatever_it_looks_like(tmp_path: Path) -> None:
    _, (problem,) = described(tmp_path, CATALOGUE, "1.900000700.json")
    assert problem == "1.900000700.json, line 1 has no operation (op): no stream message"


def test_standard_input_is_refused_with_what_to_do(tmp_path: Path) -> None:
    _, (problem,) = resolve.describe_markets("-", tmp_path)
    assert (problem.cause, problem.hint) == ("standard input is no market file", "write its content to a file first")


def test_market_in_files_of_different_content_is_reported(tmp_path: Path) -> None:
    plain = MARKETS[NAMES[0]]
    half = b"".join(plain.splitlines(keepends=True)[:20])
    (markets, problems), (note,) = in_folder(
        tmp_path, {"basic": half, "pro": plain, "copy": plain, "pro.gz": gzip.compress(plain)}
    )
    assert (len(markets), problems) == (4, [])
    assert note == f"{tmp_path / 'rec'}: market {markets[0].market_ids[0]} is in 2 files: basic, pro; each is measured"
