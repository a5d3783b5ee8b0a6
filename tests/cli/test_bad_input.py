"""Bad input: one clear line with what, where and what to do; the documented code; everything else is still measured."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import random
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.command_line import QUICK, SCENARIOS, one_line, perfbench, variables
from support.small_disks import tiny_disk

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such files")

Build = Callable[[Path, bytes], Path]


def lines_of(good: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in good.splitlines()]


def written(path: Path, content: bytes | list[dict[str, Any]]) -> Path:
    if isinstance(content, list):
        content = b"".join(json.dumps(line).encode() + b"\n" for line in content)
    path.write_bytes(content)
    return path


def missing(folder: Path, good: bytes) -> Path:
    return folder / "missing"


def empty(folder: Path, good: bytes) -> Path:
    return written(folder / "empty", b"")


def folder_without_files(folder: Path, good: bytes) -> Path:
    (folder / "hollow" / "inner").mkdir(parents=True)
    (folder / "hollow" / "README.md").write_text("notes")
    return folder / "hollow"


def binary(folder: Path, good: bytes) -> Path:
    return written(folder / "binary", random.Random(1).randbytes(5000))


def damaged_json(folder: Path, good: bytes) -> Path:
    lines = good.splitlines(keepends=True)
    lines[20] = lines[20].replace(b'"rc"', b'"rc', 1)
    return written(folder / "damaged", b"".join(lines))


def half_line(folder: Path, good: bytes) -> Path:
    return written(folder / "half", good[:-40])


def nul_bytes(folder: Path, good: bytes) -> Path:
    return written(folder / "nuls", good + bytes(512) + b"\n")


def truncated_gz(folder: Path, good: bytes) -> Path:
    packed = gzip.compress(good)
    return written(folder / "cut.gz", packed[: len(packed) // 2])


def truncated_bz2(folder: Path, good: bytes) -> Path:
    packed = bz2.compress(good)
    return written(folder / "cut.bz2", packed[: len(packed) // 2])


def damaged_gz(folder: Path, good: bytes) -> Path:
    packed = bytearray(gzip.compress(good))
    packed[len(packed) // 2] ^= 0xFF
    return written(folder / "bitrot.gz", bytes(packed))


def truncated_xz(folder: Path, good: bytes) -> Path:
    return written(folder / "cut.xz", lzma.compress(good)[:-100])


def truncated_zip(folder: Path, good: bytes) -> Path:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("inner", good)
    return written(folder / "cut.zip", archive.getvalue()[:-50])


def zip_with_parent(folder: Path, good: bytes) -> Path:
    with zipfile.ZipFile(folder / "evil.zip", "w") as archive:
        archive.writestr("../../escaped", good)
    return folder / "evil.zip"


def tar_with_links(folder: Path, good: bytes) -> Path:
    with tarfile.open(folder / "links.tar", "w") as archive:
        link = tarfile.TarInfo("passwords")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return folder / "links.tar"


def zip_bomb(folder: Path, good: bytes) -> Path:
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(70_000_000))
    return folder / "bomb.zip"


def nested_bomb(folder: Path, good: bytes) -> Path:
    return written(folder / "bomb.gz", gzip.compress(gzip.compress(bytes(100_000_000))))


def packed_too_often(folder: Path, good: bytes) -> Path:
    for _ in range(6):
        good = gzip.compress(good)
    return written(folder / "onion.gz", good)


def csv(folder: Path, good: bytes) -> Path:
    return written(folder / "prices.csv", b"market,time,price\n1.1,2026-01-01,3.5\n")


def orders(folder: Path, good: bytes) -> Path:
    return written(folder / "orders", [{"op": "ocm", "pt": 1, "oc": [{"id": "1.1", "orc": []}]}])


def without_definition(folder: Path, good: bytes) -> Path:
    return written(folder / "undefined", b"".join(good.splitlines(keepends=True)[2:]))


def no_updates(folder: Path, good: bytes) -> Path:
    return written(folder / "quiet", [{"op": "mcm", "pt": 1, "ct": "HEARTBEAT"}] * 3)


def other_json(folder: Path, good: bytes) -> Path:
    return written(folder / "catalogue", b'[{"marketId": "1.1"}]\n')


def wrong_types(folder: Path, good: bytes) -> Path:
    return written(folder / "types", [{"op": "mcm", "pt": "yesterday", "mc": []}])


def unreadable(folder: Path, good: bytes) -> Path:
    (folder / "unreadable").symlink_to("/proc/self/mem")  # even root gets an error from it
    return folder / "unreadable"


def symlink_loop(folder: Path, good: bytes) -> Path:
    (folder / "loop").symlink_to(folder / "pool")
    (folder / "pool").symlink_to(folder / "loop")
    return folder / "loop"


def dangling_link(folder: Path, good: bytes) -> Path:
    (folder / "dangling").symlink_to(folder / "nowhere")
    return folder / "dangling"


def endless_fifo(folder: Path, good: bytes) -> Path:
    os.mkfifo(folder / "fifo")
    return folder / "fifo"


def device(folder: Path, good: bytes) -> Path:
    return Path("/dev/zero")


REFUSED: dict[Build, str] = {
    missing: r"missing: no such file$",
    empty: r"empty is empty$",
    folder_without_files: r"hollow is a folder without market files$",
    binary: r"binary is binary, not a stream file$",
    damaged_json: r"damaged, line 21 is not JSON \(.+\)$",
    half_line: r"half, line 60 is truncated$",
    nul_bytes: r"nuls, line 61 is NUL bytes, as left by a recorder that lost power$",
    truncated_gz: r"cut.gz is damaged or truncated \(.+\)$",
    truncated_bz2: r"cut.bz2 is damaged or truncated \(.+\)$",
    damaged_gz: r"bitrot.gz is damaged or truncated \(.+\)$",
    truncated_xz: r"cut.xz is damaged or truncated \(.+\)$",
    truncated_zip: r"cut.zip is damaged or truncated \(.+\)$",
    zip_with_parent: r"evil.zip: member ../../escaped points outside the archive$",
    tar_with_links: r"links.tar: member passwords is a link or a device, not a file$",
    zip_bomb: r"bomb.zip unpacks to more than 200 times its size or the free disk space$",
    nested_bomb: r"bomb.gz unpacks to more than 200 times its size or the free disk space$",
    packed_too_often: r"onion.* is packed 4 times over$",
    csv: r"prices.csv is a table \(CSV\), not a stream file: it begins with 'market,time,price'",
    orders: r"orders is an order stream \(line 1: ocm\), not a market stream$",
    without_definition: r"undefined, line 1 changes market 1.9\d+ before any definition of it$",
    no_updates: r"quiet has 0 updates: no line changes a market$",
    other_json: r"catalogue, line 1 is not a stream message \(.+\)$",
    wrong_types: r"types, line 1 is not a stream message \(.+\)$",
    unreadable: r"unreadable cannot be read \(Input/output error\)$",
    symlink_loop: r"loop cannot be read \(Too many levels of symbolic links\)$",
    dangling_link: r"dangling cannot be read \(No such file or directory\)$",
    endless_fifo: r"fifo is a pipe that may never end, not a file$",
    device: r"zero is a device, not a file$",
}


def only_lightweight(*data: object, folder: Path) -> subprocess.CompletedProcess[str]:
    options = [word for path in data for word in ("--data", path)]
    return perfbench("run", "--mode", "lightweight", *QUICK, *options, folder=folder)


@linux_only
@pytest.mark.parametrize("build", REFUSED, ids=lambda build: build.__name__)
def test_a_file_that_cannot_be_replayed_is_one_line_and_the_sound_one_is_measured(
    tmp_path: Path, market: Path, build: Build
) -> None:
    bad = build(tmp_path, market.read_bytes())
    done = only_lightweight(bad, market, folder=tmp_path)
    assert done.returncode == 5, done.stderr
    complaints = [line for line in done.stdout.splitlines() if line.startswith("!")]
    assert re.search(REFUSED[build], one_line("\n".join(complaints)))
    assert "replay · good · 60 updates" in done.stdout
    assert 'not everything was measured (see the lines marked "!")' in one_line(done.stderr)
    assert not list((tmp_path / "tmp").glob("perfbench-*"))


@linux_only
def test_run_prints_one_line_and_no_table_when_every_file_is_damaged(tmp_path: Path, market: Path) -> None:
    done = only_lightweight(csv(tmp_path, market.read_bytes()), folder=tmp_path)
    assert done.returncode == 5
    assert re.search(REFUSED[csv], one_line(done.stderr))
    assert "hint: choose a file of JSON lines as Betfair delivers them" in done.stderr
    assert not done.stdout
    assert not (tmp_path / "results").exists()


def test_unpacked_archive_writes_nothing_outside_of_the_workspace(tmp_path: Path, market: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    only_lightweight(zip_with_parent(tmp_path, market.read_bytes()), folder=inner)
    assert not list(tmp_path.rglob("escaped"))


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_named(tmp_path: Path, market: Path) -> None:
    path = written(tmp_path / "secret", market.read_bytes())
    path.chmod(0)
    done = only_lightweight(path, folder=tmp_path)
    assert done.returncode == 5
    assert "secret cannot be read (Permission denied)" in one_line(done.stderr)


@linux_only
def test_file_whose_name_is_not_utf_8_is_measured_by_its_folder_and_refused_by_its_name(
    tmp_path: Path, market: Path
) -> None:
    (tmp_path / "day").mkdir()
    written(tmp_path / "day" / os.fsdecode(b"caf\xe9"), market.read_bytes())
    done = only_lightweight(tmp_path / "day", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "replay · caf\\udce9 · 60 updates" in done.stdout
    (path,) = (tmp_path / "results").glob("*.json")
    assert [data["name"] for data in json.loads(path.read_text())["data"]] == ["caf\\udce9"]
    refused = only_lightweight(os.fsdecode(b"day/caf\xe9"), folder=tmp_path)
    assert refused.returncode == 2
    assert "day/caf\\udce9 is not UTF-8\nhint: rename the file or name its folder" in one_line(refused.stderr)


def test_raw_recording_is_measured_and_one_with_a_failure_refused_before_any_pass(tmp_path: Path, market: Path) -> None:
    first, *rest = market.read_bytes().splitlines(keepends=True)
    greeting = b'{"op":"connection","connectionId":"1"}\n{"op":"status","statusCode":"SUCCESS"}\n'
    failure = b'{"op":"status","statusCode":"FAILURE","errorCode":"TIMEOUT","connectionClosed":true}\n'
    sound = written(tmp_path / "sound", b"".join([greeting, first, *rest]))
    done = only_lightweight(sound, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "replay · sound · 60 updates" in done.stdout
    assert "messages about the connection: 2 (first: line 1)" in done.stdout
    failed = only_lightweight(written(tmp_path / "failed", b"".join([first, failure, *rest])), folder=tmp_path)
    assert failed.returncode == 5
    assert "failed, line 2 is a status message FAILURE (TIMEOUT), at which readers end" in one_line(failed.stderr)
    assert failed.stdout == ""


# What can be replayed, but is worth a word ---------------------------------------------------------------------------


def changed(good: bytes, change: Callable[[list[dict[str, Any]]], None]) -> list[dict[str, Any]]:
    lines = lines_of(good)
    change(lines)
    return lines


def unknown_runner(lines: list[dict[str, Any]]) -> None:
    lines[10]["mc"][0]["rc"] = [{"id": 99, "atb": [[2, 3]]}]


def future_definition_field(lines: list[dict[str, Any]]) -> None:
    lines[0]["mc"][0]["marketDefinition"]["carbonFootprint"] = 1


def heartbeats(lines: list[dict[str, Any]]) -> None:
    lines.insert(5, {"op": "mcm", "pt": lines[5]["pt"], "ct": "HEARTBEAT"})


def backwards(lines: list[dict[str, Any]]) -> None:
    lines[30]["pt"] -= 10_000_000


DOUBTFUL: dict[Callable[[list[dict[str, Any]]], None], str] = {
    unknown_runner: "changes of runners that no definition has: 1 (first: runner 99 in line 11)",
    heartbeats: "lines without market changes: 1 (first: line 6)",
    backwards: "the time goes back 1 times (first: line 31)",
}


@pytest.mark.parametrize("change", DOUBTFUL, ids=lambda change: change.__name__)
def test_warnings_about_a_file_stand_below_the_table(
    tmp_path: Path, market: Path, change: Callable[[list[dict[str, Any]]], None]
) -> None:
    path = written(tmp_path / "odd", changed(market.read_bytes(), change))
    done = perfbench("run", *QUICK, "--data", path, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert DOUBTFUL[change] in done.stdout
    assert "warning: " in done.stdout


def test_a_definition_field_of_the_future_is_named_where_full_mode_leaves_it_out(tmp_path: Path, market: Path) -> None:
    path = written(tmp_path / "future", changed(market.read_bytes(), future_definition_field))
    done = perfbench("run", *QUICK, "--data", path, folder=tmp_path)
    assert done.returncode == 6
    assert "! full differs at update 1, [0].marketdefinition.carbonfootprint: 1 → nothing" in done.stdout
    assert "a field that perfbench does not know: 1 (first: `carbonFootprint` in line 1)" in done.stdout


def test_a_runner_field_of_the_future_fails_full_mode_and_lightweight_is_measured(tmp_path: Path, market: Path) -> None:
    def change(lines: list[dict[str, Any]]) -> None:
        lines[0]["mc"][0]["marketDefinition"]["runners"][0]["jockey"] = "?"

    path = written(tmp_path / "future", changed(market.read_bytes(), change))
    done = perfbench("run", *QUICK, "--data", path, folder=tmp_path)
    assert done.returncode == 5
    assert "! full: TypeError" in done.stdout
    assert "jockey" in done.stdout
    assert re.search(r"^  lightweight +\d", done.stdout, re.MULTILINE)


def test_two_markets_in_one_file_are_measured_with_a_word_about_what_that_means(tmp_path: Path) -> None:
    done = only_lightweight("sample-event", folder=tmp_path)
    assert done.returncode == 0
    assert "3 markets in one file: betfairlightweight yields every open one again at each line" in done.stdout


# A full disk ---------------------------------------------------------------------------------------------------------


@linux_only
def test_a_disk_that_fills_up_loses_nothing_that_was_measured(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk", "24k") as disk:
        done = perfbench(
            "run", "waits", "--scenarios", SCENARIOS, "--rounds", "40", "--quiet", "--results", disk, folder=tmp_path
        )
        assert done.returncode == 5
        assert "cannot be written (No space left on device)\n" in done.stdout
        assert "hint: " not in done.stdout
        assert "hint: free some space or choose another --results folder" in one_line(done.stderr)
        assert "Traceback" not in done.stderr
        shown = perfbench("show", next(disk.glob("*.journal")), folder=tmp_path)
        assert re.search(r"^  longer +\d", shown.stdout, re.MULTILINE)
        assert re.search(r"· [1-9]\d* rounds?", shown.stdout)


@linux_only
def test_a_disk_that_is_full_from_the_start_is_one_line(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk", "4k") as disk:
        (disk / "filler").write_bytes(bytes(4096))
        options = ("--scenarios", SCENARIOS, *QUICK, "--results", disk)
        done = perfbench("run", "known_times", *options, folder=tmp_path)
        assert done.returncode == 5
        assert "cannot be written (No space left on device)" in one_line(done.stderr)


@linux_only
def test_a_disk_too_full_to_unpack_on_is_one_line(tmp_path: Path, market: Path) -> None:
    packed = written(tmp_path / "market.gz", gzip.compress(market.read_bytes()))
    with tiny_disk(tmp_path / "disk", "8k") as disk:
        env = {**variables(tmp_path), "TMPDIR": str(disk)}
        done = perfbench("run", "--mode", "lightweight", *QUICK, "--data", packed, folder=tmp_path, env=env)
        assert done.returncode == 5
        line = one_line(done.stderr)
        assert "unpacks to more than 200 times its size or the free disk space" in line
        assert "hint: if you trust it, unpack it yourself" in line
