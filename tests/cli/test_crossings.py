"""Combinations of input, command, modes, environments, scenarios, plan and output, checked by what holds for every run.

The modes of the scenarios ``sized`` and ``flat`` time themselves: work × seconds of the environment × factor of the mode ×
``scale``. So every number has one right value, and the markets have different sizes: whatever is mixed up is seen.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import hashlib
import io
import itertools
import json
import lzma
import os
import re
import shutil
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from support.checkouts import checkout
from support.command_line import SCENARIOS, one_line
from support.crossings import (
    COLUMNS,
    DIMENSIONS,
    EXPORTS,
    NAMED,
    Crossing,
    arguments_of,
    cover_all_pairs,
    environments_of,
    is_expressible,
    modes_of,
    pairs_of,
    refusal,
    scales_of,
)
from support.forked_worker import fork_workers

from perfbench.__main__ import main
from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.errors import ExitCode, PerfbenchError
from perfbench.report import build, status
from perfbench.report.model import Report
from perfbench.results import storage
from perfbench.runner import plan

CROSSINGS, PAIRS = cover_all_pairs(DIMENSIONS, is_expressible)
SIZES = {"m60": 60, "m90": 90, "m130": 130}
SEVERAL = ("m60", "m130")
"""The markets in a folder or an archive."""

FLAT_WORK = 17
SECONDS = {"old": 0.010, "new": 0.004, "third": 0.025}
FACTORS = {"plain": 1.0, "halved": 0.5}
SUFFIXES: dict[str, Callable[[bytes], bytes]] = {"bz2": bz2.compress, "gz": gzip.compress, "xz": lzma.compress}
MEASURED = re.compile(r"([\d.]+(?:s|ms|µs)) → ([\d.]+(?:s|ms|µs))")
FACTOR = re.compile(r"  +([\d.,]+)x [▲▼=?]")
UNITS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6}


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    crossing: Crossing
    code: int
    out: str
    err: str
    folder: Path
    document: dict[str, Any]

    @property
    def run(self) -> dict[str, Any]:
        """The saved run; that of a profile is part of its document."""
        run: dict[str, Any] = self.document.get("run", self.document)
        return run

    @property
    def table(self) -> str:
        """What is shown to people, wherever it is written."""
        return self.err if self.crossing.output == "stdout" else self.out


# A folder of inputs -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Market files in every packing, checkouts, and one cache of environments for all crossings."""
    folder = tmp_path_factory.mktemp("crossings")
    (folder / "inputs").mkdir()
    plain = {}
    for seed, (name, updates) in enumerate(SIZES.items(), start=5):
        write_market(Recipe(seed=seed, runners=3, updates=updates, bsp=True, in_play=True), folder / name)
        plain[name] = (folder / name).read_bytes()
    for kind in DIMENSIONS["files"]:
        make_input(folder / "inputs" / kind, kind, plain)
    for name, seconds in SECONDS.items():
        checkout(folder / name, f"{len(name)}.{len(name)}", f"SECONDS = {seconds}\n")
    names = [f'{name} = "{folder / name}"\n' for name in SECONDS]
    names += [f'{name} = "here"\n' for name in ("first", "second", "other")]
    (folder / "perfbench.toml").write_text("[environments]\n" + "".join(names))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PERFBENCH_CACHE", str(folder / "cache"))
        for name in [name for name in os.environ if name.startswith("PERFBENCH_") and name != "PERFBENCH_CACHE"]:
            patch.delenv(name)
        patch.delenv("COLUMNS", raising=False)
        patch.setattr(plan, "SOLO_PASSES", 1)  # more of the same would show nothing more
        fork_workers(patch)
        yield folder


def make_input(folder: Path, kind: str, plain: dict[str, bytes]) -> None:
    """The files of a kind of input, in a folder that a crossing starts with."""
    folder.mkdir()
    packing = kind.removeprefix("folder_")
    several = {name: plain[name] for name in SEVERAL}
    if kind in SUFFIXES:
        (folder / f"m90.{kind}").write_bytes(SUFFIXES[kind](plain["m90"]))
    elif kind in ("plain", "same_twice"):
        (folder / "m90").write_bytes(plain["m90"])
    elif kind in ("zip", "tar"):
        pack(folder / f"months.{kind}", several)
    elif kind == "two":
        for name, content in several.items():
            (folder / name).write_bytes(content)
    elif kind.startswith("folder"):
        (folder / "markets").mkdir()
        for name, content in several.items():
            if packing == "zip":
                pack(folder / "markets" / f"{name}.zip", {name: content})
            else:
                suffix = f".{packing}" if packing in SUFFIXES else ""
                packed = SUFFIXES[packing](content) if suffix else content
                (folder / "markets" / f"{name}{suffix}").write_bytes(packed)


def pack(path: Path, contents: dict[str, bytes]) -> None:
    """A .zip or .tar archive with these members."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in contents.items():
                archive.writestr(name, content)
        return
    with tarfile.open(path, "w") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def data_of(crossing: Crossing) -> tuple[str, ...]:
    """The values of ``--data``."""
    kind = crossing.files
    if kind in SUFFIXES:
        return (f"m90.{kind}",)
    if kind in ("zip", "tar"):
        return (f"months.{kind}",)
    if kind.startswith("folder"):
        return ("markets",)
    return {"plain": ("m90",), "same_twice": ("m90", "m90"), "two": ("m130", "m60"), "none": ()}[kind]


def files_of(crossing: Crossing) -> tuple[str, ...]:
    """The markets that a crossing replays."""
    if crossing.files == "none":
        return ()
    return SEVERAL if crossing.files.startswith(("folder", "zip", "tar", "two")) else ("m90",)


# One command ------------------------------------------------------------------------------------------------------------


def call(arguments: list[str], folder: Path, temporary: Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of ``perfbench`` with these arguments, called in this process."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2)]
    temporary.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("TMPDIR", str(temporary))
        patch.setattr(tempfile, "tempdir", str(temporary))
        patch.setattr(sys, "argv", ["perfbench", *arguments])
        with redirect_stdout(streams[0]), redirect_stderr(streams[1]):
            try:
                main()
                code: Any = 0
            except SystemExit as end:
                code = end.code or 0
    texts = []
    for stream in streams:
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())
    return int(code), texts[0], texts[1]


def content_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but the saved results, with its bytes."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    named = ((str(path.relative_to(folder)), path) for path in paths)
    return {name: path.read_bytes() for name, path in named if not name.startswith("results/")}


@pytest.mark.parametrize("crossing", [pytest.param(each, id=each.id) for each in CROSSINGS if not refusal(each)])
def test_crossing_keeps_every_invariant(crossing: Crossing, workshop: Path, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    shutil.copytree(workshop / "inputs" / crossing.files, folder)
    shutil.copy(workshop / "perfbench.toml", folder)
    before = content_of(folder)
    code, out, err = call(arguments_of(crossing, data_of(crossing), str(SCENARIOS)), folder, tmp_path / "tmp")
    assert "Traceback" not in err, err
    saved = folder / "results" / ("saved.profile.json" if crossing.command == "profile" else "saved.json")
    assert saved.is_file(), f"exit {code}\n{out}\n{err}"
    done = Done(crossing, code, out, err, folder, json.loads(saved.read_text(encoding="utf-8")))
    nothing_else_changed(done, before, tmp_path / "tmp")
    work_of_every_sample_is_that_of_its_own_file(done, workshop)
    seconds_of_every_sample_are_those_of_its_case(done)
    every_named_case_is_measured(done)
    every_named_thing_is_shown(done)
    exit_code_is_that_of_the_report(done)
    if crossing.command != "profile":
        rows_show_the_seconds_and_the_ratio_of_their_own_pairs(done)
        saved_run_is_shown_alike(done, tmp_path / "tmp")
        exports_have_what_the_table_shows(done)


@pytest.mark.parametrize("crossing", [pytest.param(each, id=each.id) for each in CROSSINGS if refusal(each)])
def test_refused_crossing_ends_with_one_line_and_leaves_nothing(
    crossing: Crossing, workshop: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "work"
    shutil.copytree(workshop / "inputs" / crossing.files, folder)
    shutil.copy(workshop / "perfbench.toml", folder)
    before = content_of(folder)
    code, out, err = call(arguments_of(crossing, data_of(crossing), str(SCENARIOS)), folder, tmp_path / "tmp")
    assert code == ExitCode.USAGE
    assert refusal(crossing) in one_line(err)
    assert out == ""
    assert content_of(folder) == before
    assert not (folder / "results").exists()


@pytest.mark.parametrize("command", ["run", "compare", "gate", "profile"])
def test_file_for_a_scenario_that_replays_none_is_refused(command: str, workshop: Path, tmp_path: Path) -> None:
    environments = "one" if command in ("run", "profile") else "two"
    crossing = Crossing(command, "plain", "one", environments, "flat", "plain", "terminal")
    folder = tmp_path / "work"
    shutil.copytree(workshop / "inputs" / "plain", folder)
    shutil.copy(workshop / "perfbench.toml", folder)
    code, out, err = call(arguments_of(crossing, ["m90"], str(SCENARIOS)), folder, tmp_path / "tmp")
    assert (code, out) == (ExitCode.USAGE, "")
    assert "--data m90: flat replays no market file" in one_line(err)


def test_matrix_has_every_pair_of_values_that_can_be_typed() -> None:
    assert set(itertools.chain.from_iterable(map(pairs_of, CROSSINGS))) == PAIRS
    values = {(name, value) for name, values in DIMENSIONS.items() for value in values}
    assert set(itertools.chain.from_iterable(PAIRS)) == values


# What holds for every run -----------------------------------------------------------------------------------------------


def nothing_else_changed(done: Done, before: dict[str, bytes], temporary: Path) -> None:
    exported = set(EXPORTS.values()) if done.crossing.output == "exports" else set()
    after = content_of(done.folder)
    assert {name: content for name, content in after.items() if name not in exported} == before
    assert exported <= set(after)
    assert not list(temporary.iterdir()), "temporary files are left"
    kept = {path.name for path in (done.folder / "results").iterdir()}
    assert kept == ({"saved.profile.json", "saved"} if done.crossing.command == "profile" else {"saved.json"})


def work_of_every_sample_is_that_of_its_own_file(done: Done, workshop: Path) -> None:
    contents = {name: (workshop / name).read_bytes() for name in SIZES}
    by_name = {}
    for market in done.run["data"]:
        (file,) = [
            name for name, content in contents.items() if market["sha256"] == hashlib.sha256(content).hexdigest()
        ]
        assert market["name"].split("/")[-1].startswith(file), "a market has the name of another file"
        by_name[market["name"]] = SIZES[file]
    assert sorted(by_name.values()) == sorted(SIZES[name] for name in files_of(done.crossing))
    for measurement in done.run["measurements"]:
        work = by_name[data] if (data := measurement["case"]["data"]) else FLAT_WORK
        assert {sample["work"] for sample in measurement["samples"]} == {work}, measurement["case"]


def seconds_of_every_sample_are_those_of_its_case(done: Done) -> None:
    for measurement in done.run["measurements"]:
        case = measurement["case"]
        if case["scenario"] == "replay":
            continue
        scale = dict(case["parameters"]).get("scale", 1)
        for sample in measurement["samples"]:
            right = sample["work"] * SECONDS[case["environment"]] * FACTORS[case["mode"]] * scale
            assert sample["metrics"]["reported_seconds"] == pytest.approx(right), case


def every_named_case_is_measured(done: Done) -> None:
    """Each is there with samples, or the exit code and a line say that it is not."""
    wanted = set()
    for scenario in NAMED[done.crossing.scenarios]:
        files = [""] if scenario == "flat" else [market["name"] for market in done.run["data"]]
        wanted |= set(
            itertools.product(
                [scenario],
                modes_of(done.crossing),
                environments_of(done.crossing),
                files,
                scales_of(done.crossing) or [None],
            )
        )
    measured: set[tuple[Any, ...]] = set()
    failed: set[tuple[Any, ...]] = set()
    for measurement in done.run["measurements"]:
        case = measurement["case"]
        scale = dict(case["parameters"]).get("scale", 1) if case["scenario"] != "replay" else None
        key = case["scenario"], case["mode"], case["environment"], case["data"], scale
        (measured if measurement["samples"] else failed).add(key)
    assert measured | failed == wanted
    if failed:
        assert done.code not in (ExitCode.DONE, ExitCode.REGRESSED)
        for key in failed:
            assert re.search(rf"^! .*{key[1]}", done.table, re.MULTILINE), key


def every_named_thing_is_shown(done: Done) -> None:
    shown = done.table
    named = [*modes_of(done.crossing), *NAMED[done.crossing.scenarios]]
    named += [market["name"] for market in done.run["data"]]
    if len(environments_of(done.crossing)) > 1:
        named += environments_of(done.crossing)
    for name in named:
        assert re.search(rf"(?<!\w){re.escape(name)}(?!\w)", shown), f"{name} is not shown:\n{shown}"
    if done.crossing.command == "sweep":
        for scale in scales_of(done.crossing):
            assert f"scale {scale}" in shown


def exit_code_is_that_of_the_report(done: Done) -> None:
    if done.crossing.command == "profile":
        assert done.code == (ExitCode.NOT_MEASURED if done.run["problems"] else ExitCode.DONE), done.err
        for problem in done.run["problems"]:
            assert f"! {problem}" in done.table
        return
    report = build.build_report(storage.load_run(done.folder / "results" / "saved.json"), ())
    right, message = status_of(report)
    assert done.code == right, done.err
    assert message in done.err
    regressed = "regressed" in done.table
    if done.crossing.command != "gate":
        assert done.code == ExitCode.DONE, done.err
    elif done.crossing.scenarios == "replay":  # both sides are the same: what is seen is chance
        assert done.code == (ExitCode.REGRESSED if regressed else ExitCode.DONE)
    else:
        assert done.code == (ExitCode.REGRESSED if done.crossing.environments == "reversed" else ExitCode.DONE)
        assert regressed == (done.crossing.environments == "reversed")


def status_of(report: Report) -> tuple[int, str]:
    """The exit code of a report, and the message that it ends with."""
    try:
        status.check_report_status(report)
    except PerfbenchError as error:
        return error.exit_code, f"perfbench: {error}"
    return ExitCode.DONE, ""


def seconds_of_pairs(run: dict[str, Any], before: str, after: str) -> list[tuple[float, float]]:
    """The seconds of both sides in every pair of two cases, from the raw samples: of several passes the mean."""
    sides: list[dict[str, list[float]]] = [{}, {}]
    for side, name in zip(sides, (before, after), strict=True):
        (samples,) = [m["samples"] for m in run["measurements"] if id_of(m["case"]) == name]
        for sample in samples:
            if sample["kind"] == "duet":
                metrics = sample["metrics"]
                side.setdefault(sample["pair"], []).append(metrics.get("reported_seconds", metrics["cpu_seconds"]))
    return [(fmean(values), fmean(sides[1][pair])) for pair, values in sides[0].items() if pair in sides[1]]


def id_of(case: dict[str, Any]) -> str:
    values = ",".join(f"{name}={value}" for name, value in case["parameters"])
    text = f"{case['scenario']}/{case['mode']}@{case['environment']}"
    return text + (f"#{case['data']}" if case["data"] else "") + (f"[{values}]" if values else "")


def rows_show_the_seconds_and_the_ratio_of_their_own_pairs(done: Done) -> None:
    rows = [(match, line) for line in done.table.splitlines() if (match := MEASURED.search(line))]
    shown = sorted(tuple(map(read_seconds, match.groups())) for match, _ in rows)
    pairs = [seconds_of_pairs(done.run, *duet) for duet in done.run["duets"]]
    right = sorted(tuple(median(side) for side in zip(*seconds, strict=True)) for seconds in pairs)
    assert len(shown) == len(right), done.table
    for found, wanted in zip(itertools.chain(*shown), itertools.chain(*right), strict=True):
        assert abs(found - wanted) <= rounding_of(wanted), done.table
    if done.crossing.scenarios == "replay":
        return  # the median of ratios is not the ratio of medians where passes differ
    for match, line in rows:
        before, after = map(read_seconds, match.groups())
        if factor := FACTOR.search(line[match.end() :]):
            said = float(factor[1].replace(",", ""))
            assert any(said == pytest.approx(ratio, rel=0.03) for ratio in (before / after, after / before)), line
            assert ("▼" in line) <= (after > before), line


def read_seconds(text: str) -> float:
    """``6.860s`` and ``412.000ms`` as a number."""
    match = re.fullmatch(r"([\d.]+)(s|ms|µs)", text)
    assert match, text
    return float(match[1]) * UNITS[match[2]]


def rounding_of(seconds: float) -> float:
    """The most that seconds are off when they are shown with three decimals of their unit."""
    return 0.000501 if seconds >= 0.00999 else 0.000000501 if seconds >= 0.00000999 else 0.000000000501


def saved_run_is_shown_alike(done: Done, temporary: Path) -> None:
    columns = COLUMNS if done.crossing.output == "columns" else ()
    code, out, _ = call(["show", "saved", *columns], done.folder, temporary)
    assert out in done.table, "show shows another table than the command that measured"
    assert code in (ExitCode.DONE, done.code)


def exports_have_what_the_table_shows(done: Done) -> None:
    if done.crossing.output == "stdout":
        assert json.loads(done.out) == done.document
    if done.crossing.output != "exports":
        return
    text = {name: (done.folder / file).read_text(encoding="utf-8") for name, file in EXPORTS.items()}
    assert json.loads(text["json"]) == done.document
    assert done.table.startswith(text["terminal"])  # a sweep draws its plot below
    markdown_has_the_cells_of_the_table(text["markdown"], done.table)
    csv_has_every_number_of_every_sample(text["csv"], done.run)
    ids = {id_of(m["case"]): m for m in done.run["measurements"]}
    commands = {each["command"]: each for each in json.loads(text["hyperfine"])["results"]}
    assert set(commands) == set(ids)
    for name, command in commands.items():
        samples = [s for s in ids[name]["samples"] if s["kind"] == "duet"]
        samples = samples or [s for s in ids[name]["samples"] if s["kind"] == "alone"]
        seconds = [s["metrics"].get("reported_seconds", s["metrics"]["cpu_seconds"]) for s in samples]
        assert command["median"] == pytest.approx(median(seconds))
    suite = ET.fromstring(text["junit"])
    bad = [case for case in suite.iter("testcase") if case.find("failure") is not None]
    assert bool(bad) == (done.code != ExitCode.DONE)
    compared = len(done.run["duets"]) if done.crossing.command in ("gate", "compare") else len(ids)
    assert len(list(suite.iter("testcase"))) == compared
    for name in ("pyperf", "pytest-benchmark", "bencher"):
        for case in ids:
            assert json.dumps(case)[1:-1] in text[name] or case in text[name], (name, case)


def markdown_has_the_cells_of_the_table(markdown: str, table: str) -> None:
    lines = [" ".join(line.split()) for line in table.splitlines()]
    for row in (line for line in markdown.splitlines() if line.startswith("|") and "---" not in line):
        cells = [cell.strip().replace("\\", "") for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
        line = " ".join(" ".join(cells).split())
        assert line in lines, f"{line}\n is not in\n{table}"


def csv_has_every_number_of_every_sample(text: str, run: dict[str, Any]) -> None:
    exported = sorted(
        (row["scenario"], row["mode"], row["environment"], row["data"], row["metric"], float(row["value"]))
        for row in csv.DictReader(io.StringIO(text))
    )
    saved = []
    for measurement in run["measurements"]:
        case = measurement["case"]
        for sample in measurement["samples"]:
            for name, value in {**sample["metrics"], **sample["numbers"]}.items():
                saved.append((case["scenario"], case["mode"], case["environment"], case["data"], name, value))
    assert exported == sorted(saved)
