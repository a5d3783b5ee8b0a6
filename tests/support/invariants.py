"""Invariants of every run: checks of its files, its saved document, its tables and its exports.

The modes of the scenarios ``sized`` and ``flat`` time themselves: work × seconds of the environment × factor of the mode ×
``scale``. So every number has one right value, and the markets have different sizes: whatever is mixed up is seen.
"""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
import re
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from perfbench.__main__ import main
from perfbench.errors import ExitCode, PerfbenchError
from perfbench.report import build, status
from perfbench.report.model import Report
from perfbench.results import storage
from support.crossings import COLUMNS, EXPORTS, NAMED, SIZES, Crossing, environments_of, files_of, modes_of, scales_of

FLAT_WORK = 17
SECONDS = {"old": 0.010, "new": 0.004, "third": 0.025}
FACTORS = {"plain": 1.0, "halved": 0.5}
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
    named = [*modes_of(done.crossing), *NAMED[done.crossing.scenarios]]
    named += [market["name"] for market in done.run["data"]]
    if len(environments_of(done.crossing)) > 1:
        named += environments_of(done.crossing)
    for name in named:
        assert re.search(rf"(?<!\w){re.escape(name)}(?!\w)", done.table), f"{name} is not shown:\n{done.table}"
    if done.crossing.command == "sweep":
        for scale in scales_of(done.crossing):
            assert f"scale {scale}" in done.table


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


def assert_export_is_the_saved_run(text: str, done: Done) -> None:
    """The export of a gate has in addition how it was judged."""
    document = json.loads(text)
    evaluation = document.pop("evaluation", None)
    assert (evaluation is not None) == (done.crossing.command == "gate")
    assert document == done.document


def exports_have_what_the_table_shows(done: Done) -> None:
    if done.crossing.output == "stdout":
        assert_export_is_the_saved_run(done.out, done)
    if done.crossing.output != "exports":
        return
    text = {name: (done.folder / file).read_text(encoding="utf-8") for name, file in EXPORTS.items()}
    assert_export_is_the_saved_run(text["json"], done)
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
