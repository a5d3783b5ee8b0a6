"""Folders of packed files: every market has a place of its own when it is unpacked, and is replayed under its own name."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import re
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from support.command_line import QUICK, SCENARIOS, one_line, perfbench
from support.runs import settings

from perfbench.cli.commands import exchange
from perfbench.datasets import resolve
from perfbench.datasets.generator.market import stream_lines
from perfbench.datasets.generator.recipe import Recipe
from perfbench.model import GatePolicy, Market, Trial
from perfbench.runner import prepare
from perfbench.runner.duet import execute_trial
from perfbench.runner.trial import Conditions

SIZES = {"1.100": 130, "1.200": 190, "1.300": 160}
"""The updates of each market of a folder, no two alike."""


def content(updates: int) -> bytes:
    """A market of so many updates, with an id of its own."""
    return "".join(stream_lines(Recipe(seed=updates, runners=3, updates=updates))).encode()


def zipped(plain: bytes, name: str = "1.999") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, plain)
    return file.getvalue()


def tarred(members: Mapping[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, plain in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(plain)
            archive.addfile(member, io.BytesIO(plain))
    return file.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "bz2": bz2.compress,
    "gz": gzip.compress,
    "xz": lzma.compress,
    "zip": zipped,
}


def write_all(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, packed in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(packed)
    return folder


def month(folder: Path, kind: str = "bz2") -> Path:
    """A folder with a packed file for each of the markets."""
    pack = PACKERS[kind]
    return write_all(folder / "month", {f"{name}.{kind}": pack(content(size)) for name, size in SIZES.items()})


def opened(folder: Path, *specs: Path) -> list[Market]:
    """The markets of some specs as a run, a comparison, a gate and a profile open them."""
    (folder / "workspace").mkdir()
    prepared = prepare.prepare_run(
        settings(scenarios=("reads_lines",), folders=(str(SCENARIOS),), data=tuple(map(str, specs)), each=True),
        folder / "workspace",
        None,
    )
    assert prepared.run.problems == ()
    return [table.market for table in prepared.tables if table.market is not None]


def replayed(market: Market) -> int:
    """How many lines are where the market is replayed from."""
    return len(Path(market.path).read_bytes().splitlines())


def assert_each_is_itself(markets: list[Market]) -> None:
    """What lies at the path of a market is what was described under its name, and no two have one path."""
    assert len({market.path for market in markets}) == len(markets)
    for market in markets:
        assert hashlib.sha256(Path(market.path).read_bytes()).hexdigest() == market.sha256, market.name
        assert replayed(market) == market.updates, market.name


# Unpacked ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", PACKERS)
def test_folder_of_packed_files_gives_each_market_its_own_file(tmp_path: Path, kind: str) -> None:
    markets = opened(tmp_path, month(tmp_path, kind))
    assert_each_is_itself(markets)
    names = SIZES if kind != "zip" else ("1.999", "1.999 (2)", "1.999 (3)")
    assert {market.name: market.updates for market in markets} == dict(zip(names, SIZES.values(), strict=True))


def test_files_of_one_name_in_folders_of_a_folder_stay_apart(tmp_path: Path) -> None:
    files = {f"{day}/1.100.bz2": bz2.compress(content(size)) for day, size in (("1", 130), ("2", 190), ("3", 160))}
    markets = opened(tmp_path, write_all(tmp_path / "month", files))
    assert_each_is_itself(markets)
    assert [(market.name, market.updates) for market in markets] == [
        ("1.100", 130),
        ("1.100 (2)", 190),
        ("1.100 (3)", 160),
    ]


def test_archives_in_a_folder_stay_apart(tmp_path: Path) -> None:
    files = {
        "a.tar": tarred({"x/1.100": content(130), "x/1.200.bz2": bz2.compress(content(190))}),
        "b.tar.gz": gzip.compress(tarred({"y/1.100.gz": gzip.compress(content(160)), "y/1.300": content(140)})),
        "c.zip": zipped(bz2.compress(content(150)), "1.100.bz2"),
        "d.zip": zipped(content(170), "1.100"),
        "e.bz2": bz2.compress(content(180)),
        "f": content(120),
    }
    markets = opened(tmp_path, write_all(tmp_path / "day", files))
    assert_each_is_itself(markets)
    assert sorted(market.updates for market in markets) == [120, 130, 140, 150, 160, 170, 180, 190]


def test_folders_and_files_side_by_side_stay_apart(tmp_path: Path) -> None:
    first = write_all(tmp_path / "1", {f"1.{size}.bz2": bz2.compress(content(size)) for size in (130, 140)})
    second = write_all(tmp_path / "2", {f"1.{size}.gz": gzip.compress(content(size)) for size in (150, 160)})
    alone = write_all(tmp_path / "3", {"1.130.xz": lzma.compress(content(170))}) / "1.130.xz"
    markets = opened(tmp_path, first, second, alone)
    assert_each_is_itself(markets)
    assert {market.name: market.updates for market in markets} == {
        "1.130": 130,
        "1.140": 140,
        "1.150": 150,
        "1.160": 160,
        "1.130 (2)": 170,
    }


def test_specs_that_share_a_workspace_stay_apart(tmp_path: Path) -> None:
    folder, workspace = month(tmp_path), tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "unpacked-0").write_text("what lies there already")
    specs = [str(folder / f"{name}.bz2") for name in SIZES]
    found = [market for spec in (*specs, str(folder)) for market in resolve.open_markets(spec, workspace)[0]]
    assert_each_is_itself(found)
    assert (workspace / "unpacked-0").read_text() == "what lies there already"


# Measured ------------------------------------------------------------------------------------------------------------


def test_run_replays_every_file_of_a_folder_under_its_own_name(tmp_path: Path) -> None:
    done = perfbench("run", "--data", month(tmp_path), "--mode", "lightweight", *QUICK, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    titles = re.findall(r"^replay · (.+?) · (\d+) updates", done.stdout, re.MULTILINE)
    assert titles == [(name, str(size)) for name, size in SIZES.items()]
    (path,) = (tmp_path / "results").glob("*.json")
    run = json.loads(path.read_text())
    assert {data["name"]: data["updates"] for data in run["data"]} == SIZES
    work = {m["case"]["data"]: {sample["work"] for sample in m["samples"]} for m in run["measurements"]}
    assert work == {name: {size} for name, size in SIZES.items()}
    assert {m["case"]["data"]: m["output"]["updates"] for m in run["measurements"]} == SIZES


def test_gate_compares_every_file_of_a_folder_under_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "workspace").mkdir()
    asked = settings(
        scenarios=("reads_lines",),
        folders=(str(SCENARIOS),),
        data=(str(month(tmp_path)),),
        environments=(("here", "here"),),
        gate=GatePolicy(seconds=1.0),
    )
    prepared = prepare.prepare_run(asked, tmp_path / "workspace", None)
    assert_each_is_itself([table.market for table in prepared.tables if table.market is not None])
    work = {}
    for table in prepared.tables:
        assert table.market is not None
        trial = Trial("alone", 0, (table.cases[0],), 1)
        (result,) = execute_trial(trial, table, Conditions(None, 30.0))
        assert result.sample is not None
        work[table.market.name] = result.sample.work
    assert work == SIZES


def test_exchange_publishes_every_file_of_a_folder(tmp_path: Path) -> None:
    timeline = exchange._load_timeline([str(month(tmp_path))], exchange.FROM_START, exchange.UNTIL_END)
    assert len(timeline.definitions) == len(SIZES)
    assert len(timeline.updates) == sum(SIZES.values())


def test_profile_looks_at_every_file_of_a_folder_under_its_own_name(tmp_path: Path) -> None:
    quick = ("--profiler", "cprofile", "--rounds", "1", "--no-memory", "--quiet")
    data = ("--data", month(tmp_path))
    done = perfbench("profile", "reads_lines", "--scenarios", SCENARIOS, *quick, *data, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    shown = re.findall(r"^reads_lines .* · (\S+)\s+\S+ CPU for (\d+) lines", done.stdout, re.MULTILINE)
    assert shown == [(name, str(size)) for name, size in SIZES.items()]


@pytest.mark.parametrize("options", [(), ("--from", "900h")])
def test_exchange_names_a_packed_file_as_the_user_knows_it(tmp_path: Path, options: tuple[str, ...]) -> None:
    folder = write_all(tmp_path / "month", {f"1.{n}.bz2": bz2.compress(content(130)) for n in (1, 2)})
    done = perfbench("exchange", "--data", folder, *options, folder=tmp_path)
    assert done.returncode == 5
    assert re.search(r"perfbench: 1\.[12](:| has no update)", one_line(done.stderr))
