"""perfbench data describe and generate-corpus: a corpus is described by its listing and a sample, each bad one clearly."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command_line import one_line, perfbench
from support.corpora import DAY, EVENT, event_file, market, markets, name, tarred, write_tree, zipped

from perfbench.cli.count_progress import CountProgress
from perfbench.datasets.generator.corpus import MAX_MARKETS, CorpusRecipe, generate_files
from perfbench.datasets.generator.market import stream_lines
from perfbench.datasets.generator.recipe import Recipe
from perfbench.errors import UsageProblem


def describe(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return perfbench("data", "describe", *arguments, folder=folder)


def rows_of(output: str) -> dict[str, str]:
    """The rows of the table by their names."""
    rows: dict[str, str] = {}
    last = ""
    for line in output.splitlines()[1:]:
        if row := re.match(r" {2,3}(\S.*?)(?: {2,}(.*?))? *$", line):
            last = row[1]
            rows[last] = row[2] or ""
        elif line.strip():
            rows[last] += f"\n{line.strip()}"
    return rows


def marked(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line[2:] for line in done.stderr.splitlines() if line.startswith("! ")]


# Corpora -------------------------------------------------------------------------------------------------------------


def test_corpus_is_described_by_its_listing_and_its_content(tmp_path: Path) -> None:
    files = markets(4) | {
        f"{DAY}/{EVENT}.bz2": event_file(4),
        "README": b"notes",
        "BASIC/2025/Aug/31/1/t": market(9, "2"),
    }
    (tmp_path / "corpus.tar").write_bytes(tarred(files))
    done = describe(tmp_path, "corpus.tar")
    assert done.returncode == 0, done.stderr
    rows = rows_of(done.stdout)
    stored = sum(map(len, files.values())) - len(event_file(4))
    assert rows["files"] == f"6, {stored / 1000:.1f} kB as they are stored"
    assert rows["days"] == "2025-08-01 to 2025-08-31 (from the paths)"
    assert rows["left out"] == "event files beside their markets: 1"
    assert rows["opened"] == "every file"
    assert rows["sport"] == "Horse Racing: 4, Tennis: 1"
    assert rows["market type"] == "WIN: 5"
    assert rows["updates"] == "100, 20 in the median file"
    assert rows["no market streams"] == "1 file: corpus.tar: member README (text)"
    assert rows["same content"] == "0 files"


def test_sample_of_a_corpus_is_seeded_and_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "corpus.tar").write_bytes(tarred(markets(40)))
    first, again, other = (describe(tmp_path, "corpus.tar", *seed) for seed in ((), ("--seed", "1"), ("--seed", "2")))
    rows = rows_of(first.stdout)
    assert rows["opened"] == "24 files, a random sample (--full opens all)"
    assert rows["updates"] == "480, 20 in the median file"
    assert re.search(r"; about \d+\.\d kB for the whole corpus$", rows["unpacked"])
    assert "same content" not in rows
    assert first.stdout == again.stdout != other.stdout


def test_full_description_reads_every_file(tmp_path: Path) -> None:
    (tmp_path / "corpus.tar").write_bytes(tarred(markets(30) | {"a/copy": market(1), "z/all": event_file(3)}))
    rows = rows_of(describe(tmp_path, "corpus.tar", "--full").stdout)
    assert rows["opened"] == "every file"
    assert rows["updates"] == "680, 20 in the median file"
    assert rows["several markets"] == "1 file"
    assert rows["same content"] == "1 file"
    assert rows["in several files"] == "3 markets"
    assert "whole corpus" not in rows["unpacked"]


def test_up_to_three_files_are_described_each_and_more_with_each(tmp_path: Path) -> None:
    write_tree(tmp_path / "day", markets(3) | {"README": b"notes"})
    done = describe(tmp_path, "day")
    assert [line.strip() for line in done.stdout.splitlines() if line.strip() in map(name, range(9))] == list(
        map(name, (1, 2, 3))
    )
    assert done.stderr == "no recordings of markets, or left out: README (text)\n"
    write_tree(tmp_path / "day", {"1.900000900": market(9)})
    assert describe(tmp_path, "day").stdout.startswith("corpus")
    assert describe(tmp_path, "day", "--each").stdout.count("SHA-256") == 4


def test_temporary_files_of_a_description_are_one_market_at_a_time_and_removed(tmp_path: Path) -> None:
    (tmp_path / "corpus.tar").write_bytes(tarred(markets(6)))
    assert describe(tmp_path, "corpus.tar").returncode == 0
    assert not list((tmp_path / "tmp").iterdir())


# Fifteen bad corpora -------------------------------------------------------------------------------------------------


def write_empty_tar(folder: Path) -> Path:
    (folder / "empty.tar").write_bytes(tarred({}))
    return folder / "empty.tar"


def write_no_markets(folder: Path) -> Path:
    return write_tree(folder / "notes", {f"note {number}.txt": b"text" for number in range(30)} | {"a.json": b"[1]"})


def write_one_market(folder: Path) -> Path:
    (folder / "one.tar").write_bytes(tarred(markets(1)))
    return folder / "one.tar"


def write_all_damaged(folder: Path) -> Path:
    files = {path: content[:-9] for path, content in markets(5).items()}
    (folder / "damaged.tar").write_bytes(tarred(files))
    return folder / "damaged.tar"


def write_joined(folder: Path) -> Path:
    parts = list(markets(6).items())
    (folder / "joined.tar").write_bytes(tarred(parts[:3]) + tarred(parts[3:]))
    return folder / "joined.tar"


def write_damaged_header(folder: Path) -> Path:
    data = bytearray(tarred(markets(6)))
    (folder / "header.tar").write_bytes(data)
    with tarfile.open(folder / "header.tar") as archive:
        data[archive.getmembers()[3].offset + 150] ^= 0xFF
    (folder / "header.tar").write_bytes(data)
    return folder / "header.tar"


def write_duplicates(folder: Path) -> Path:
    other = [(path.replace("/1/", "/2/"), content) for path, content in markets(2).items()]
    (folder / "twice.tar").write_bytes(tarred([*markets(5).items(), *markets(2).items(), *other]))
    return folder / "twice.tar"


def write_loop(folder: Path) -> Path:
    write_tree(folder / "loop", markets(4))
    (folder / "loop" / "BASIC" / "again").symlink_to(folder / "loop")
    (folder / "loop" / "self").symlink_to("self")
    return folder / "loop"


def write_unreadable(folder: Path) -> Path:
    write_tree(folder / "locked", markets(4))
    (folder / "locked" / "1.900007700.bz2").symlink_to("/proc/self/mem/nothing")
    return folder / "locked"


def write_foreign_names(folder: Path) -> Path:
    write_tree(folder / "names", markets(4))
    (folder / "names" / os.fsdecode(b"caf\xe9-1.jsonl")).write_bytes(market(9))
    (folder / "names" / "red\x1b[31m\n").write_bytes(market(8))
    return folder / "names"


def write_backslashes(folder: Path) -> Path:
    files = {path.replace("/", "\\"): content for path, content in markets(5).items()}
    (folder / "windows.zip").write_bytes(zipped(files | {"BASIC\\": b""}))
    return folder / "windows.zip"


def write_event(folder: Path) -> Path:
    (folder / "event.tar").write_bytes(tarred(markets(5) | {f"{DAY}/{EVENT}.bz2": event_file(5)}))
    return folder / "event.tar"


def write_mixed(folder: Path) -> Path:
    sports = {f"{name(number)}": market(number, sport) for number, sport in enumerate("7421", 1)}
    return write_tree(folder / "mixed", sports)


def write_zero_bytes(folder: Path) -> Path:
    (folder / "zero.tar").write_bytes(
        tarred(markets(4) | {"a/1.900007700.bz2": b"", "a/empty": b"", "b/done.flag": b""})
    )
    return folder / "zero.tar"


def write_many(folder: Path) -> Path:
    """A thousandth of a million, which benchmarks/corpus_listing.py lists."""
    (folder / "many.tar").write_bytes(tarred((f"{number:07d}.txt", b"x") for number in range(1000)))
    return folder / "many.tar"


Rows = dict[str, str]
BAD: list[tuple[Callable[[Path], Path], int, Rows, list[str]]] = [
    (write_empty_tar, 5, {}, [r".*empty\.tar contains no market file"]),
    (write_no_markets, 5, {"no market streams": "24 files: a.json .*", "damaged": "0 by .*"}, ["none of the .*"]),
    (write_one_market, 0, {"updates": "20 in 20 lines"}, []),
    (write_all_damaged, 5, {"files": "5, .*"}, [r"damaged\.tar: member \S+ is damaged or truncated \(it ends .*\)"] * 5),
    (write_joined, 0, {"files": "6, .*", "updates": "120, .*"}, []),
    (write_damaged_header, 5, {"files": "5, .*", "updates": "100, .*"}, [r"header\.tar is damaged .* \(a damaged header .*\)"]),
    (write_duplicates, 0, {"files": "5, .*", "left out": r"duplicates \(same market and size\): 4"}, []),
    (write_loop, 5, {"files": "4, .*", "left out": "links to what is listed already: 1"}, [r"self cannot be read \(Too many .*\)"]),
    (write_unreadable, 5, {"files": "4, .*"}, [r"1\.900007700\.bz2 cannot be read \(Not a directory\)"]),
    (write_foreign_names, 0, {"files": "6, .*", "updates": "120, .*"}, []),
    (write_backslashes, 0, {"files": "5, .*", "days": "2025-08-01 to .*", "updates": "100, .*"}, []),
    (write_event, 0, {"files": "5, .*", "left out": "event files beside their markets: 1"}, []),
    (write_mixed, 0, {"sport": "(Horse Racing|Cricket|Tennis|Soccer): 1(, .*: 1){3}"}, []),
    (write_zero_bytes, 5, {"files": "4, .*", "left out": "empty: 2"}, [r"zero\.tar: member a/1\.900007700\.bz2 is empty"]),
    (write_many, 5, {"files": "1,000, 1.0 kB .*", "no market streams": "24 files: .*"}, ["none of the opened files .*"]),
]  # fmt: skip


@pytest.mark.parametrize(("write", "code", "rows", "problems"), BAD, ids=[row[0].__name__[6:] for row in BAD])
def test_bad_corpus_is_described_with_what_is_wrong_and_its_exit_code(
    tmp_path: Path, write: Callable[[Path], Path], code: int, rows: Rows, problems: list[str]
) -> None:
    done = describe(tmp_path, write(tmp_path))
    assert done.returncode == code, done.stderr
    shown = rows_of(done.stdout)
    for row, expected in rows.items():
        assert re.fullmatch(expected, shown[row]), (row, shown)
    assert len(marked(done)) == len(problems), done.stderr
    for line, cause in zip(sorted(marked(done)), sorted(problems), strict=True):
        assert re.fullmatch(cause, line)
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    if code:
        assert done.stderr.splitlines()[-1].startswith(f"perfbench: {len(problems)} of the files cannot be replayed")
    else:
        assert not done.stderr


def test_many_problems_are_counted_and_the_first_shown(tmp_path: Path) -> None:
    write_tree(tmp_path / "bad", {f"1.90000{number:04d}": b"" for number in range(60)})
    done = describe(tmp_path, "bad")
    assert done.returncode == 5
    assert len(marked(done)) == 51
    assert marked(done)[-1] == "and 10 more"
    assert "60 of the files cannot be replayed" in done.stderr


def test_url_without_the_extra_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    done = describe(tmp_path, "s3://bucket/2025.tar")
    assert done.returncode == 5
    assert marked(done) == ["s3://bucket/2025.tar: a URL needs fsspec, which is not installed"]
    assert "hint: pip install 'betfair-perfbench[remote]'" in done.stderr


# Generated corpora ---------------------------------------------------------------------------------------------------


def generate(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return perfbench("data", "generate-corpus", *arguments, folder=folder)


def test_generated_corpus_is_described_without_a_problem(tmp_path: Path) -> None:
    done = generate(tmp_path, "corpus.tar", "--markets", 12, "--updates", 60, "--event-files")
    assert done.returncode == 0, done.stderr
    wrote = re.fullmatch(r"wrote corpus\.tar: 12 markets in (\d+) files, ([\d,]+) updates, \d+\.\d kB\n", done.stdout)
    assert wrote
    described = describe(tmp_path, "corpus.tar", "--full")
    assert described.returncode == 0, described.stderr
    rows = rows_of(described.stdout)
    assert rows["files"].startswith("12, ")
    assert rows["left out"] == f"event files beside their markets: {int(wrote[1]) - 12}"
    assert rows["updates"].startswith(f"{wrote[2]}, ")
    assert rows["damaged"] == "0 by the listing, 0 of the opened files"
    assert rows["no market streams"] == rows["unusual content"] == "0 files"


def test_same_seed_generates_the_same_tar_and_another_seed_another(tmp_path: Path) -> None:
    for file, seed in (("a.tar", 1), ("b.tar", 1), ("c.tar", 2)):
        assert generate(tmp_path, file, "--markets", 3, "--updates", 20, "--seed", seed).returncode == 0
    first, again, other = ((tmp_path / file).read_bytes() for file in ("a.tar", "b.tar", "c.tar"))
    assert first == again != other


def test_folder_and_tar_of_one_recipe_have_the_same_files(tmp_path: Path) -> None:
    assert generate(tmp_path, "folder", "--markets", 3, "--updates", 20).returncode == 0
    assert generate(tmp_path, "corpus.tar", "--markets", 3, "--updates", 20).returncode == 0
    with tarfile.open(tmp_path / "corpus.tar") as archive:
        for member in archive.getmembers():
            content = archive.extractfile(member)
            assert content is not None
            assert (tmp_path / "folder" / member.name).read_bytes() == content.read()


def test_existing_file_or_folder_is_replaced_only_with_force(tmp_path: Path) -> None:
    (tmp_path / "corpus.tar").write_bytes(b"precious")
    write_tree(tmp_path / "full", {"file": b"precious"})
    (tmp_path / "vacant").mkdir()
    for target in ("corpus.tar", "full"):
        done = generate(tmp_path, target, "--markets", 1, "--updates", 20)
        assert done.returncode == 2
        assert one_line(done.stderr).startswith(f"perfbench: {target} already exists\nhint: ")
    assert (tmp_path / "corpus.tar").read_bytes() == b"precious"
    assert generate(tmp_path, "vacant", "--markets", 1, "--updates", 20).returncode == 0
    assert generate(tmp_path, "corpus.tar", "--markets", 1, "--updates", 20, "--force").returncode == 0
    assert tarfile.is_tarfile(tmp_path / "corpus.tar")


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        (("--markets", 0), "--markets 0: from 1 to 100,000"),
        (("--markets", MAX_MARKETS + 1), "--markets 100001: from 1 to 100,000"),
        (("--updates", 19), "--updates 19: from 20 to 200,000"),
        (("--spread", 3.5), "--spread 3.5: from 0 to 3"),
        (("--spread", "nan"), "--spread nan: from 0 to 3"),
    ],
)
def test_corpus_that_cannot_be_generated_is_one_line(tmp_path: Path, options: tuple[object, ...], cause: str) -> None:
    done = generate(tmp_path, "corpus.tar", *options)
    assert done.returncode == 2
    assert one_line(done.stderr) == f"perfbench: {cause}"
    assert not (tmp_path / "corpus.tar").exists()


def test_spread_of_zero_gives_every_market_the_same_number_of_lines() -> None:
    files = list(generate_files(CorpusRecipe(markets=8, updates=30, spread=0)))
    assert {file.updates for file in files} == {30}
    assert len({file.path for file in files}) == 8
    assert len({hashlib.sha256(file.content).hexdigest() for file in files}) == 8


def test_images_of_a_recipe_give_the_books_that_the_changes_gave() -> None:
    """A reader that is given the images has at the end the same books as the generator."""
    plain = Recipe(seed=4, runners=4, updates=300, markets=2, in_play=True, images=0.25)
    books: dict[tuple[str, int], dict[float, float]] = {}
    images = 0
    for line in stream_lines(plain):
        for change in json.loads(line)["mc"]:
            if change["img"]:
                images += 1
                assert change["marketDefinition"]["runners"]
                for runner in change["rc"]:
                    offers = {price: size for price, size in books[change["id"], runner["id"]].items() if size}
                    assert dict(map(tuple, runner["atb"])) == offers
            for runner in change["rc"]:
                book = books.setdefault((change["id"], runner["id"]), {})
                if change["img"]:
                    book.clear()
                book.update(map(tuple, runner.get("atb", ())))
    assert 40 < images < 110


def test_event_file_with_images_is_generated_and_described(tmp_path: Path) -> None:
    options = ("--markets", 7, "--updates", 700, "--images", 0.25, "--in-play")
    assert perfbench("data", "generate", "event.bz2", *options, folder=tmp_path).returncode == 0
    done = describe(tmp_path, "event.bz2")
    assert done.returncode == 0, done.stderr
    rows = rows_of(done.stdout)
    assert rows["markets"].startswith("7: ")
    images = re.search(r"new images in mid-file: (\d+) ", rows["unusual content"])
    assert images
    assert 120 < int(images[1]) < 210


def test_share_of_images_is_below_one() -> None:
    with pytest.raises(UsageProblem, match="--images 1: a share from 0 up to below 1"):
        Recipe(images=1)


def test_progress_is_a_line_every_ten_seconds_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    with CountProgress("files described", lambda: now[0]) as progress:
        for done, now[0] in ((10, 9.0), (20, 12.0), (30, 15.0), (40, 30.0)):
            progress.update(done, 50)
    assert capsys.readouterr().err == "files described: 20 of 50, 18 s left\nfiles described: 40 of 50, 8 s left\n"
