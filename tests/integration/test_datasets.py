"""Market files: known ones by name, the user's own in every packing, and the pull of the real ones."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command_line import QUICK, one_line, perfbench, variables

from perfbench.datasets import manifest
from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.datasets.inspection import inspect_market
from perfbench.datasets.updates import find_turning_points, list_updates
from perfbench.errors import DataProblem
from perfbench.model import Market
from perfbench.util import paths

offline = pytest.mark.skipif("PERFBENCH_OFFLINE" in os.environ, reason="PERFBENCH_OFFLINE is set")


def described(folder: Path, *specs: object) -> subprocess.CompletedProcess[str]:
    return perfbench("data", "describe", *specs, folder=folder)


# Packings ------------------------------------------------------------------------------------------------------------


def pack(kind: str, folder: Path, market: Path) -> Path:
    content = market.read_bytes()
    path = folder / f"good.{kind}"
    if kind in ("gz", "bz2", "xz"):
        packers: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
        path.write_bytes(packers[kind](content))
    elif kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("deep/inside/good", content)
            archive.writestr("README.txt", "notes")
    elif kind == "tar of bz2":
        path = folder / "good.tar"
        (folder / "good.bz2").write_bytes(bz2.compress(content))
        with tarfile.open(path, "w") as archive:
            archive.add(folder / "good.bz2", "2020/Apr/1/good.bz2")
    elif kind == "folder":
        path = folder / "day"
        (path / "inner" / ".hidden").mkdir(parents=True)
        (path / "inner" / "good").write_bytes(content)
        (path / "inner" / ".hidden" / "x").write_text("no market")
        (path / "NOTES.md").write_text("no market")
    else:
        with tarfile.open(path, "w:gz" if kind == "tar.gz" else "w:bz2") as archive:
            archive.add(market, "good")
    return path


KINDS = ["gz", "bz2", "xz", "zip", "tar.gz", "tar.bz2", "tar of bz2", "folder"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_packed_file_is_measured_as_the_plain_one_is(tmp_path: Path, market: Path, kind: str) -> None:
    packed = pack(kind, tmp_path, market)
    done = perfbench("run", "--mode", "lightweight", *QUICK, "--data", packed, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "replay · good · 60 updates" in done.stdout
    (path,) = (tmp_path / "results").glob("*.json")
    (data,) = json.loads(path.read_text())["data"]
    assert data["sha256"] == inspect_market(market, "good").sha256
    assert data["path"] == ""


def test_kind_of_a_file_is_detected_by_its_content_not_by_its_name(tmp_path: Path, market: Path) -> None:
    (tmp_path / "liar.gz").write_bytes(market.read_bytes())
    (tmp_path / "market").write_bytes(bz2.compress(market.read_bytes()))
    done = described(tmp_path, "liar.gz", "market")
    assert done.returncode == 0, done.stderr
    assert "liar.gz" in done.stdout
    assert re.search(r"packed +bz2, \d+\.\d to 1", done.stdout)


def test_files_of_the_same_name_get_distinct_labels_and_a_repeated_file_is_measured_once(
    tmp_path: Path, market: Path
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "good").write_bytes(market.read_bytes())
    write_market(Recipe(seed=77, runners=3, updates=50), tmp_path / "b" / "good")
    data = ("--data", "a/good", "--data", "b/good", "--data", market)
    done = perfbench("run", "--mode", "lightweight", *QUICK, *data, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^replay · (.+?) · \d+ updates", done.stdout, re.MULTILINE) == ["good", "good (2)"]


def test_a_name_that_commands_a_terminal_is_shown_as_its_escape(tmp_path: Path, market: Path) -> None:
    path = tmp_path / "red\x1b[31m"
    path.write_bytes(market.read_bytes())
    done = perfbench("run", "--mode", "lightweight", *QUICK, "--data", path, folder=tmp_path)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert r"red\x1b[31m" in done.stdout


# Descriptions --------------------------------------------------------------------------------------------------------


def test_description_lists_the_content_of_a_file(tmp_path: Path) -> None:
    done = described(tmp_path, "sample-win")
    assert done.returncode == 0, done.stderr
    facts = dict(re.findall(r"^ {2,}(\S+(?: \S+)?) {2,}(\S.*?) *$", done.stdout, re.MULTILINE))
    assert facts["markets"] == "1: 1.900000100"
    assert facts["runners"] == "12"
    assert facts["updates"] == "8,000 in 8,000 lines"
    assert facts["packed"] == "no"
    assert facts["definitions"] == "12"
    assert facts["runners changed"] == "2.59 per update"
    assert re.fullmatch(r"2026-06-01 \S+ to 2026-06-01 \S+, 1 h \d\d min \d\d s", facts["market time"])
    assert facts["in-play"] == "20.0% of the updates"
    assert facts["unusual content"] == "none"


def test_anomalies_are_counted_with_their_first_line(tmp_path: Path, market: Path) -> None:
    lines = [json.loads(line) for line in market.read_bytes().splitlines()]
    lines[5]["mc"][0].update(img=True, marketDefinition=lines[0]["mc"][0]["marketDefinition"])
    lines[7]["mc"][0]["rc"].append({"id": lines[1]["mc"][0]["rc"][0]["id"], "spn": "NaN", "spf": "Infinity"})
    (tmp_path / "odd").write_text("\n".join(json.dumps(line) for line in lines) + "\n\n")
    done = described(tmp_path, "odd")
    assert done.returncode == 0, done.stderr
    assert "new images in mid-file: 1 (first: line 6)" in done.stdout
    assert 'starting prices that are "NaN" or "Infinity": 1 (first: line 8)' in done.stdout
    assert "blank lines: 1 (first: line 61)" in done.stdout


def test_number_beyond_the_json_standard_is_refused_since_only_some_readers_take_it(
    tmp_path: Path, market: Path
) -> None:
    text = market.read_text().replace('"marketBaseRate":5.0', '"marketBaseRate":NaN')
    (tmp_path / "nan").write_text(text)
    done = described(tmp_path, "nan")
    assert done.returncode == 5
    assert "nan, line 1 is not JSON (NaN, which only some readers take)" in done.stderr


def test_an_inspection_holds_one_line_in_memory_not_the_file(tmp_path: Path) -> None:
    import tracemalloc

    peaks = []
    for updates in (300, 30_000):
        write_market(Recipe(seed=1, runners=4, updates=updates), tmp_path / "market")
        tracemalloc.start()
        inspect_market(tmp_path / "market", "market")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 200_000


# Known files ---------------------------------------------------------------------------------------------------------


def test_the_manifest_names_every_file_with_source_hash_licence_and_counts() -> None:
    names = {known.name for known in manifest.list_known_files()}
    assert {"PRO-1.170258213", "SELF-1.181223994", "1.200806927", "sample-win"} <= names
    shipped = {path.name for path in paths.bundled_folder("sample_data").iterdir()} - {"MANIFEST.toml"}
    assert shipped == {known.name for known in manifest.list_known_files() if known.bundled}
    for known in manifest.list_known_files():
        assert re.fullmatch(r"[0-9a-f]{64}", known.sha256)
        assert known.licence == "MIT"
        assert min(known.size_bytes, known.lines, known.markets, known.runners) > 0
        assert known.content


def test_data_list_shows_local_files(tmp_path: Path) -> None:
    done = perfbench("data", "list", folder=tmp_path)
    assert done.returncode == 0
    assert re.search(r"^PRO-1.170258213 +not pulled +6.0 MB +22,367 +17 +MIT +official PRO", done.stdout, re.MULTILINE)
    assert re.search(r"^sample-win +bundled +1.9 MB +8,000 +12 ", done.stdout, re.MULTILINE)
    assert "Run `perfbench data pull` to download the missing files." in done.stdout


def test_a_check_compares_bytes_and_counts_with_the_manifest(tmp_path: Path) -> None:
    done = perfbench("data", "check", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^sample-win +intact *$", done.stdout, re.MULTILINE)
    cache = tmp_path / "cache" / "markets"
    cache.mkdir(parents=True)
    (cache / "PRO-1.170258213").write_bytes((paths.bundled_folder("sample_data") / "sample-win").read_bytes())
    damaged = perfbench("data", "check", folder=tmp_path)
    assert damaged.returncode == 5
    assert "is damaged (its SHA-256 differs from the manifest)" in damaged.stdout
    assert "run `perfbench data pull` to repair them" in one_line(damaged.stderr)
    used = perfbench("run", *QUICK, folder=tmp_path)
    assert used.returncode == 5
    assert "PRO-1.170258213 is damaged" in one_line(used.stderr)


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ("PRO-1.170258213", "PRO-1.170258213 is not available\nhint: run `perfbench data pull`"),
        ("1.170258213", "PRO-1.170258213 is not available\nhint: run `perfbench data pull`"),
        ("sample-wni", "sample-wni: no such file, and no known name; did you mean `sample-win`?"),
    ],
)
def test_catalogued_file_that_is_missing_is_reported_in_one_line(tmp_path: Path, spec: str, complaint: str) -> None:
    done = perfbench("run", *QUICK, "--data", spec, folder=tmp_path)
    assert done.returncode == 5
    assert complaint in one_line(done.stderr)


def test_bundled_sample_is_measured_with_a_notice_when_no_files_are_pulled(tmp_path: Path) -> None:
    done = perfbench("run", "--mode", "lightweight", "--rounds", "1", folder=tmp_path)
    assert done.returncode == 0
    assert "replay · sample-win · 8,000 updates" in done.stdout
    assert "measuring the bundled sample-win; run `perfbench data pull` to get PRO-1.170258213" in done.stderr


# Pulling -------------------------------------------------------------------------------------------------------------


@offline
def test_a_pull_fetches_verifies_and_keeps_and_needs_no_network_the_second_time(tmp_path: Path) -> None:
    first = perfbench("data", "pull", folder=tmp_path, timeout=300)
    assert first.returncode == 0, first.stderr
    assert first.stdout == "pulled 8 files, 23.4 MB\n"
    files = {path.name for path in (tmp_path / "cache" / "markets").iterdir()}
    assert files == {known.name for known in manifest.list_known_files() if not known.bundled}
    again = perfbench("data", "pull", folder=tmp_path, env={"PIP_NO_INDEX": "1"})
    assert (again.returncode, again.stdout) == (0, "every known file is available\n")
    assert perfbench("data", "pull", "--quiet", folder=tmp_path, env={"PIP_NO_INDEX": "1"}).stdout == ""
    checked = perfbench("data", "check", folder=tmp_path)
    assert checked.returncode == 0
    assert "not pulled" not in checked.stdout
    assert datasets_default(tmp_path) == "PRO-1.170258213"
    # one damaged file is fetched again, and only that one
    (tmp_path / "cache" / "markets" / "1.197931750").write_bytes(b"damaged")
    repaired = perfbench("data", "pull", folder=tmp_path, timeout=300)
    assert repaired.stdout == "pulled 1 file, 395.4 kB\n"


def datasets_default(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", "from perfbench.datasets import resolve; print(resolve.choose_default_market())"],
        env=variables(folder),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@offline
def test_a_pull_that_is_killed_leaves_no_half_file(tmp_path: Path) -> None:
    known = {file.name: file.size_bytes for file in manifest.list_known_files()}
    for seconds in (0.2, 0.5, 0.8, 1.1, 1.4):
        process = subprocess.Popen(
            [sys.executable, "-m", "perfbench", "data", "pull"],
            env=variables(tmp_path),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for path in (tmp_path / "cache" / "markets").glob("[!.]*"):
            assert path.stat().st_size == known[path.name]
    assert perfbench("data", "pull", folder=tmp_path, timeout=300).returncode == 0


def test_pull_fails_in_one_line_when_network_and_cache_are_missing(tmp_path: Path) -> None:
    done = perfbench("data", "pull", folder=tmp_path, env={"PIP_NO_INDEX": "1"})
    assert done.returncode == 5
    line = one_line(done.stderr)
    assert "flumine-3.3.2.tar.gz cannot be downloaded (" in line
    assert line.endswith("\nhint: check the network and try again")
    assert not list((tmp_path / "cache" / "markets").iterdir())


def test_an_archive_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    index = tmp_path / "index"
    index.mkdir()
    with tarfile.open(index / "flumine-3.3.2.tar.gz", "w:gz") as archive:
        (tmp_path / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: flumine\nVersion: 3.3.2\n")
        archive.add(tmp_path / "PKG-INFO", "flumine-3.3.2/PKG-INFO")
    env = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index)}
    done = perfbench("data", "pull", folder=tmp_path, env=env)
    assert done.returncode == 5
    assert "flumine-3.3.2.tar.gz cannot be downloaded (" in one_line(done.stderr)
    assert not list((tmp_path / "cache" / "markets").iterdir())


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, not a folder")
    done = perfbench("data", "pull", folder=tmp_path, env={"PIP_NO_INDEX": "1"})
    assert done.returncode == 5
    assert "cannot be written" in one_line(done.stderr)
    assert "hint: choose another cache folder (PERFBENCH_CACHE)" in done.stderr


STRANGE = (
    '{"op":"mcm","pt":1000,"mc":[{"id":"1.1","marketDefinition":{"inPlay":false,"status":"OPEN"}}]}',
    "",
    '{"op":"mcm","pt":2000,"mc":[{"id":"1.1","rc":null,"marketDefinition":null,"tv":NaN}]}',
    '{"op":"mcm","pt":3000,"ct":"HEARTBEAT"}',
    '{"op":"mcm","pt":4000,"mc":[{"id":"1.1","rc":[{"id":7},{"id":8}],"marketDefinition":{"inPlay":true,"status":"CLOSED"}}]}',
)


def test_updates_are_placed_as_a_replay_counts_them_and_whatever_a_library_takes_is_taken(tmp_path: Path) -> None:
    """Empty lines and heartbeats are none; ``null`` and NaN are read as Python's json reads them."""
    path = tmp_path / "strange"
    path.write_text("\n".join(STRANGE) + "\n")
    market = Market("strange", str(path), "", 1, 3, 1)
    placed = list_updates(market)
    assert [(one.line, one.publish_time, one.runners, one.definition) for one in placed] == [
        (1, 1000, 0, True),
        (3, 2000, 0, False),
        (5, 4000, 2, True),
    ]
    assert find_turning_points(market) == ((2, "in-play"), (2, "close"))


def test_a_line_that_cannot_be_read_is_named_when_updates_are_placed(tmp_path: Path) -> None:
    path = tmp_path / "broken"
    path.write_text(STRANGE[0] + '\n{"op":"mcm","mc":[{\n')
    with pytest.raises(DataProblem, match=r"broken, line 2: .*"):
        list_updates(Market("broken", str(path), "", 1, 1, 1))
