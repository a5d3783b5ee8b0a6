"""``perfbench calibrate --against``: other tools, really called, on the same passes; and what their comparisons say of them."""

from __future__ import annotations

import json
import math
import os
import re
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from support.command_line import SCENARIOS, one_line, perfbench

from perfbench.errors import TrialFailed
from perfbench.gate.calibration import tool_scores, tools
from perfbench.gate.calibration.analysis import Proportion
from perfbench.gate.calibration.tool_comparison import ComparisonPlan, ToolComparison, ToolMeasurement, build_needs
from perfbench.gate.calibration.tools import TimeBudget, Tool, ToolSide
from perfbench.model import Machine
from perfbench.report.tables.calibration import render_tool_scores
from perfbench.worker.protocol import Request

PACE = TimeBudget(comparison=2.0, one_pass=0.03, startup=0.1)
MACHINE = Machine("Linux", "a processor", 2, 1, "CPython", 0.0, pinned=True)

# The tools -------------------------------------------------------------------------------------------------------------


def side(slowdown: float) -> ToolSide:
    return ToolSide(sys.executable, Request("time", str(SCENARIOS / "burns.py"), "light", slowdown=slowdown))


def installed(name: str) -> Tool:
    """The tool, if it and the packages that an environment would bring are here."""
    tool = tools.load_tool(name)
    if reason := tool.missing():
        pytest.skip(reason)
    for need in tool.NEEDS:
        try:
            distribution(re.split("[<>=]", need)[0])
        except PackageNotFoundError as error:
            pytest.skip(f"{error.name} is not installed: pip install --group test")
    return tool


@pytest.mark.parametrize("name", tools.list_tools())
def test_a_tool_finds_that_a_pass_takes_three_times_as_long(name: str, tmp_path: Path) -> None:
    tool = installed(name)
    found = tool.compare(side(0.0), side(2.0), PACE, tmp_path)
    assert found.slower
    assert 1.2 < found.ratio < 12  # by the clock on the wall, while other tests run on the same machine


@pytest.mark.parametrize("name", tools.list_tools())
@pytest.mark.statistical
def test_a_tool_does_not_call_faster_code_slower(name: str, tmp_path: Path) -> None:
    tool = installed(name)
    found = tool.compare(side(2.0), side(0.0), PACE, tmp_path)
    assert not found.slower
    assert found.ratio < 0.7


@pytest.mark.parametrize("name", tools.list_tools())
def test_failed_tool_is_reported_in_one_line(name: str, tmp_path: Path) -> None:
    tool = installed(name)
    crashing = ToolSide(sys.executable, Request("time", str(SCENARIOS / "crashes.py"), "crashes"))
    with pytest.raises(TrialFailed) as failure:
        tool.compare(crashing, crashing, PACE, tmp_path)
    assert len(str(failure.value).splitlines()) == 1


def test_every_tool_reports_its_version() -> None:
    known = [tools.load_tool(name) for name in tools.list_tools() if not tools.load_tool(name).missing()]
    assert len(known) >= 2
    assert all(tool.version(sys.executable)[0].isdigit() for tool in known)


def test_hyperfine_of_another_release_is_named_with_the_tool_that_measures_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "hyperfine"
    program.write_text("#!/bin/sh\necho hyperfine 2.0.0\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.defpath}")
    assert tools.load_tool("hyperfine").missing() == (
        "the hyperfine on the PATH is release 2: write --against hyperfine-2, which brings its own"
    )
    program.write_text("#!/bin/sh\necho hyperfine 1.15.0\n")
    assert tools.load_tool("hyperfine").missing() == ""
    assert tools.load_tool("hyperfine").version("") == "1.15.0"


def test_asv_is_missing_where_git_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert tools.load_tool("asv").missing() == "asv compares commits, and git is not on the PATH: install git"


def test_environments_get_what_the_tools_need_once() -> None:
    assert build_needs(["hyperfine", "hyperfine-2", "asv"]) == " scipy astral-dev-toolchain-hyperfine>=2 asv"


def test_date_of_hyperfine_1_is_that_of_its_tag() -> None:
    tool = tools.load_tool("hyperfine")
    assert (tool.find_release_date("1.15.0", ""), tool.find_release_date("1.99.0", "")) == ("2022-09-07", "")


# What they say ---------------------------------------------------------------------------------------------------------


def compared(tool: str, injected: float, ratio: float, slower: bool, seconds: float = 10.0) -> ToolMeasurement:
    return ToolMeasurement(tool, injected, seconds, ratio, slower)


def test_score_of_a_tool_follows_its_comparisons() -> None:
    ratios = (1.1, 1 / 1.1, 1.1, 1 / 1.1)
    unchanged = [compared("x", 0.0, ratio, ratio > 1, seconds=12.0) for ratio in ratios]
    slower = [compared("x", 0.05, 1.05, True, seconds=6.0), compared("x", 0.05, 0.99, False, seconds=6.0)]
    document = ToolComparison(1, "calibration", MACHINE, 10.0, (("x", "1.2"),), (*unchanged, *slower))
    (found,) = tool_scores.score_tools(document)
    assert found.tool == "x 1.2"
    assert found.seconds == pytest.approx(10.0)
    assert found.false_alarms == Proportion(2, 4)
    assert found.detections == ((0.05, Proportion(1, 2)),)
    assert found.detectable == pytest.approx(1.1 ** (2.3263 + 1.6449) - 1, rel=1e-3)


def test_table_shows_the_dates_of_releases_that_are_known() -> None:
    measured = tuple(compared(tool, 0.0, 1.0, False) for tool in ("x", "y"))
    document = ToolComparison(1, "calibration", MACHINE, 10.0, (("x", "1.2"), ("y", "3")), measured)
    assert "released" not in render_tool_scores(tool_scores.score_tools(document))
    dated = replace(document, released=(("x", "2026-10-08"),))
    head, first, second = render_tool_scores(tool_scores.score_tools(dated)).splitlines()[:3]
    assert head.split()[:2] == ["tool", "released"]
    assert first.split()[:3] == ["x", "1.2", "2026-10-08"]
    assert second.split()[:3] == ["y", "3", "10"]


def test_detectable_slowdown_is_unknown_from_three_comparisons() -> None:
    assert math.isinf(tool_scores.compute_detectable_slowdown([1.0, 1.1, 0.9]))


def test_tools_alternate_and_compare_slowdowns_half_as_often() -> None:
    plan = list(ComparisonPlan(("a", "b"), 4, PACE).list_comparisons((0.01, 0.02), seed=7))
    assert [sorted(tool for tool, _ in plan[start : start + 2]) for start in range(0, len(plan), 2)] == [["a", "b"]] * 8
    sizes = [size for tool, size in plan if tool == "a"]
    assert [sizes.count(size) for size in (0.0, 0.01, 0.02)] == [4, 2, 2]


# The command -----------------------------------------------------------------------------------------------------------


def calibrate(folder: Path, *arguments: object, **env: str) -> tuple[int, str, str]:
    common = ("--scenario", "burns", "--scenarios", SCENARIOS, "--mode", "light", "--quiet")
    done = perfbench("calibrate", *common, *arguments, folder=folder, env=env)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
def test_calibrate_against_lists_tools_below_the_gate_and_shows_the_table_again(tmp_path: Path) -> None:
    options = (
        "--env",
        "iniconfig==2.0.0",
        "--rounds",
        "24",
        "--slower",
        "300%",
        "--gate-time",
        "2",
        "--comparisons",
        "4",
    )
    code, page, complaint = calibrate(tmp_path, *options, "--against", "pytest-benchmark")
    assert code == 0, complaint
    rows = [
        line.split("  ")[1] for line in page.splitlines() if line.startswith(("  perfbench gate", "  pytest-benchmark"))
    ]
    assert [row.split()[0] for row in rows] == ["perfbench", "pytest-benchmark"]
    assert "detects 300.0%" in page
    document = json.loads((tmp_path / "results" / "calibration-against.json").read_text())
    assert len(document["compared"]) == 4 + 2
    assert [one["slower"] for one in document["compared"] if one["injected"]] == [True, True]
    again = perfbench("calibrate", "--show", "calibration", folder=tmp_path)
    assert (again.returncode, again.stdout) == (0, page)


def test_help_lists_every_tool(tmp_path: Path) -> None:
    text = " ".join(re.sub(r"[│\s]+", " ", perfbench("calibrate", "--help", folder=tmp_path).stdout).split())
    assert f"each by its own protocol: {', '.join(tools.list_tools())}." in text


def test_calibrate_rejects_unknown_tool_and_suggests_another(tmp_path: Path) -> None:
    code, page, complaint = calibrate(tmp_path, "--against", "hyperfin")
    assert (code, page) == (2, "")
    assert one_line(complaint).endswith("--against hyperfin: no such tool; did you mean `hyperfine`?")


def test_calibrate_rejects_missing_tool_before_it_measures(tmp_path: Path) -> None:
    code, page, complaint = calibrate(tmp_path, "--against", "hyperfine", PATH="")
    assert (code, page) == (5, "")
    assert "hyperfine is not on the PATH: install it" in one_line(complaint)
    assert not (tmp_path / "results").exists()


def test_calibrate_show_reports_missing_calibration(tmp_path: Path) -> None:
    done = perfbench("calibrate", "--show", "nothing", folder=tmp_path)
    assert (done.returncode, done.stdout) == (5, "")
    assert "nothing" in one_line(done.stderr)
