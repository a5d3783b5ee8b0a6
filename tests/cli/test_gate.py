"""``perfbench gate``: passes what is not slower, and nothing else. Through the real command line, with real installations."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.checkouts import checkout
from support.command_line import SCENARIOS, one_line, perfbench, variables

from perfbench.environments import interpreters
from perfbench.runner import callgrind

if TYPE_CHECKING:
    from collections.abc import Iterator

BASE = """
import os, random, sys, time

AMOUNT = 100
OUTPUT = ["tick"] * 100
NOISE = random.Random(os.getpid())

def seconds():
    return 1.0 * NOISE.lognormvariate(0, 0.002)
"""

BODIES = {
    "base": BASE,
    "same": BASE,
    "slower": BASE.replace("1.0 *", "1.03 *"),
    "faster": BASE.replace("1.0 *", "0.5 *"),
    "noisy": BASE.replace("0.002", "0.3"),
    "crashes": BASE.replace("return", "raise ValueError('no ticks today')\n    return"),
    "sometimes": BASE.replace("return", "if NOISE.random() < 0.6: raise ValueError('not today')\n    return"),
    "hangs": BASE.replace("return", "time.sleep(60)\n    return"),
    "idle": BASE.replace("AMOUNT = 100", "AMOUNT = 0"),
    "less": BASE.replace("AMOUNT = 100", "AMOUNT = 99"),
    "other": BASE.replace('["tick"]', '["tock"]'),
    "nan": BASE.replace("return", "return float('nan')\n    return"),
    "timeless": BASE.replace("return", "return 0.0\n    return"),
    "killed": BASE.replace("return", "os.kill(os.getpid(), 9)\n    return"),
    "exits": BASE.replace("return", "sys.exit(0)\n    return"),
    "backwards": BASE.replace("return", "time.process_time_ns = lambda: -1\n    return"),
    "unloadable": "raise RuntimeError('broken release')\n",
}


BLAMES = not callgrind.explain_unavailable() and any(
    interpreter.version.startswith("3.12.") for interpreter in interpreters.find_interpreters()
)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with checkouts; environments are built once for the whole file."""
    folder = tmp_path_factory.mktemp("gate")
    for number, (name, body) in enumerate(BODIES.items()):
        checkout(folder / name, f"{1 + number}.0", body)
    return folder


def gated(
    workshop: Path, after: str, *arguments: object, before: str = "./base", scenarios: Path = SCENARIOS
) -> tuple[int, str, str]:
    modes = () if "--mode" in arguments or "--scenario" in arguments else ("--mode", "plain")
    scenario = () if "--scenario" in arguments else ("--scenario", "ticks_gated")
    common = (*scenario, "--scenarios", scenarios, "--quiet", *modes)
    done = perfbench("gate", "--before", before, "--after", after, *common, *arguments, folder=workshop)
    return done.returncode, done.stdout, done.stderr


def verdict(table: str, mode: str = "plain") -> str:
    """The last cells of the row of a case, and its mark in front if it has one."""
    (line,) = [line for line in table.splitlines() if re.search(rf" {mode}  +\S", line)]
    return line.rpartition("  ")[2].strip()


# What passes, and what does not -----------------------------------------------------------------------------------------


def test_unchanged_code_passes_at_the_first_look(workshop: Path) -> None:
    code, table, _ = gated(workshop, "./same")
    assert (code, verdict(table)) == (0, "unchanged")
    assert " 12 " in table


def test_a_slower_release_is_a_regression(workshop: Path) -> None:
    code, table, complaint = gated(workshop, "./slower")
    assert (code, verdict(table)) == (3, "regressed")
    assert re.search(r"\+(2\.[5-9]|3\.[0-5]) % ▼", table)
    assert "ticks_gated plain is slower: +" in table
    assert "the gate failed: 1 of 1 cases regressed" in one_line(complaint)


def test_regression_before_python_3_12_explains_why_no_function_is_named(workshop: Path) -> None:
    code, table, _ = gated(workshop, "./slower", "--blame", "--save", "unblamed")
    assert code == 3
    if sys.version_info < (3, 12):
        assert re.search(
            r"^ +blame: instructions (by function need Python 3\.12|are counted by valgrind)", table, re.MULTILINE
        )
    (blame,) = json.loads((workshop / "results" / "unblamed.json").read_text())["blames"]
    assert blame["problem"] or not blame["culprits"]


@pytest.mark.skipif(not BLAMES, reason="needs valgrind and Python 3.12")
def test_regression_is_attributed_to_the_function_that_executes_more(workshop: Path, tmp_path: Path) -> None:
    work = "\n\ndef work():\n    return sum(number for number in range(STEPS))\n"
    timed = (
        BASE.replace("    return 1.0", "    work()\n    return 1.0").replace("AMOUNT", "STEPS = 20000\nAMOUNT", 1)
        + work
    )
    checkout(workshop / "works", "50.0", timed)
    checkout(workshop / "works-more", "51.0", timed.replace("1.0 *", "1.03 *").replace("20000", "40000"))
    sides = {"before": "./works python==3.12", "after": "./works-more python==3.12"}
    report = tmp_path / "gate.xml"
    code, table, _ = gated(workshop, sides["after"], "--blame", "--export", f"junit={report}", before=sides["before"])
    assert code == 3
    blamed = re.findall(r"^ +blame: \+\S+ % by (\S+): \S+ → ", table, re.MULTILINE)
    assert blamed[0].startswith("ticker.py:work")
    assert "blame: +" in report.read_text()


def test_faster_release_passes_and_is_reported_as_improved(workshop: Path) -> None:
    code, table, _ = gated(workshop, "./faster")
    assert (code, verdict(table)) == (0, "improved")


def test_threshold_lets_a_smaller_slowdown_pass(workshop: Path) -> None:
    code, table, _ = gated(workshop, "./slower", "--threshold", "5%")
    assert (code, verdict(table)) == (0, "unchanged")
    assert "fails above 5.0% slower" in table


@pytest.mark.slow
def test_inconclusive_result_passes_unless_fail_on_inconclusive_is_set(workshop: Path) -> None:
    code, table, _ = gated(workshop, "./noisy", "--max-time", "1")
    assert (code, verdict(table)) == (0, "inconclusive")
    code, _, complaint = gated(workshop, "./noisy", "--max-time", "1", "--fail-on-inconclusive")
    assert code == 4
    assert "inconclusive in 1 of 1 cases\nhint: raise --max-time" in one_line(complaint)


def test_every_row_shows_its_detectable_change_and_a_ratio_of_modes_has_a_budget(workshop: Path) -> None:
    modes = ("--mode", "plain", "--mode", "double")
    code, table, _ = gated(workshop, "./same", *modes, "--budget", "double/plain=2.2")
    assert code == 0
    assert "detects ≥" in table.splitlines()[1]
    assert len(re.findall(r"\b\d+\.\d%", table)) == 3
    assert verdict(table, "plain → double") == "unchanged"


@pytest.mark.slow
def test_a_ratio_of_modes_above_its_budget_is_a_regression(workshop: Path) -> None:
    code, table, _ = gated(workshop, "./same", "--mode", "plain", "--mode", "double", "--budget", "double/plain=1.8")
    assert code == 3
    assert "times plain: the limit is 1.8" in table


def test_peak_memory_has_a_budget(workshop: Path) -> None:
    code, table, _ = gated(workshop, "./same", "--budget", "peak=1MB", "--budget", "memory=50%")
    assert code == 3
    assert "the limit is 1.0 MB" in table


def test_reports_are_written_before_the_gate_fails(workshop: Path, tmp_path: Path) -> None:
    code, _, _ = gated(workshop, "./slower", "--export", f"markdown={tmp_path / 'gate.md'}", "--save", "kept")
    assert code == 3
    assert "regressed" in (tmp_path / "gate.md").read_text()
    again = perfbench("show", "kept", folder=workshop)
    assert again.returncode == 3
    assert "is slower: +" in again.stdout


def test_the_cases_are_declared_before_anything_is_measured(workshop: Path) -> None:
    gated(workshop, "./same", "--save", "declared")
    document = json.loads((workshop / "results" / "declared.json").read_text())
    (declared,) = document["settings"]["gate"]["pairs"]
    assert [declared["before"], declared["after"]] == document["duets"][0]
    assert declared["most"] >= 12


# It fails closed ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "told"),
    [
        ("crashes", "ValueError: no ticks today"),
        ("idle", "100 items for 0 units of work"),
        ("nan", "the seconds must be positive"),
        ("timeless", "the seconds must be positive"),
        ("killed", "killed by SIGKILL"),
        ("exits", "sys.exit(0)"),
        ("backwards", "stood still or went back"),
        ("unloadable", "RuntimeError: broken release"),
        ("sometimes", "ValueError: not today"),
        ("missing", "missing"),
    ],
)
def test_a_side_that_fails_is_no_pass(workshop: Path, after: str, told: str) -> None:
    code, table, complaint = gated(workshop, f"./{after}")
    assert code == 5
    assert told in table + complaint


@pytest.mark.parametrize("before", ["crashes", "killed", "backwards", "unloadable"])
def test_neither_is_a_standard_that_fails(workshop: Path, before: str) -> None:
    assert gated(workshop, "./base", before=f"./{before}")[0] == 5


def test_gate_fails_when_a_trial_hangs(workshop: Path) -> None:
    code, table, _ = gated(workshop, "./hangs", "--timeout", "1")
    assert code == 5
    assert "timed out after 10 s" in table  # a check pass has ten times as long


def test_gate_fails_on_different_output_however_fast(workshop: Path) -> None:
    code, table, complaint = gated(workshop, "./other")
    assert (code, verdict(table)) == (6, "output differs")
    assert "not every mode gives the same output" in one_line(complaint)


def test_different_work_is_no_pass(workshop: Path) -> None:
    code, table, _ = gated(workshop, "./less")
    assert code in (5, 6)
    assert "unchanged" not in table


def test_a_mode_that_only_one_side_can_measure_is_missing(workshop: Path, tmp_path: Path) -> None:
    scenarios = tmp_path / "own"
    scenarios.mkdir()
    (scenarios / "lacks.py").write_text(
        "import ticker\nfrom perfbench import Work, mode\n\n"
        "@mode(baseline=True)\ndef plain():\n    return Work(1, seconds=1.0)\n\n"
        "if ticker.AMOUNT == 100:\n"
        "    @mode\n    def extra():\n        return Work(1, seconds=1.0)\n"
    )
    code, table, complaint = gated(workshop, "./less", "--scenario", "lacks", scenarios=scenarios)
    assert code == 5
    assert "extra" in table + complaint


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--mode", "plian"), 2),
        (("--scenario", "tick_gated"), 2),
        (("--threshold", "5"), 2),
        (("--threshold", "much%"), 2),
        (("--budget", "memory=much"), 2),
        (("--budget", "peak=1"), 2),
        (("--budget", "plain=1"), 2),
        (("--budget", "double/plain=0"), 2),
        (("--budget", "double/plain=x"), 2),
        (("--budget", "treble/plain=2"), 2),
        (("--accept", "order"), 2),
        (("--scenario", "ticks_gated", "--scenario", "known_times", "--mode", "plain"), 2),
        (("--set", "window=5"), 2),
        (("--save", "a/b"), 2),
        (("--export", "markdown=/nowhere/gate.md"), 2),
        (("--export", "junitt=-"), 2),
        (("--data", "sample-win"), 2),
    ],
)
def test_contradictory_options_are_refused_before_anything_is_measured(
    workshop: Path, arguments: tuple[str, ...], code: int
) -> None:
    found, table, complaint = gated(workshop, "./same", *arguments)
    assert (found, table) == (code, "")
    assert one_line(complaint)


@pytest.mark.parametrize(
    ("written", "flags", "env", "code", "said"),
    [
        ('before = "./base"', ("--baseline", "nosuch"), {}, 5, "nosuch: no run of that name"),
        ('baseline = "nosuch"', ("--before", "./nothing-here"), {}, 5, "./nothing-here"),
        ('before = "./base"', (), {"PERFBENCH_GATE_BASELINE": "nosuch"}, 5, "nosuch: no run of that name"),
        ("", ("--baseline", "nosuch"), {"PERFBENCH_GATE_BEFORE": "./base"}, 5, "nosuch: no run of that name"),
        ("", ("--baseline", "nosuch", "--before", "./base"), {}, 2, "exactly one of --before SPEC and --baseline RUN"),
        ('before = "./base"\nbaseline = "nosuch"', (), {}, 2, "exactly one of --before SPEC and --baseline RUN"),
        ("", (), {}, 2, "exactly one of --before SPEC and --baseline RUN"),
    ],
)
def test_baseline_of_a_flag_overrides_that_of_a_variable_and_of_the_file(
    workshop: Path, tmp_path: Path, written: str, flags: tuple[str, ...], env: dict[str, str], code: int, said: str
) -> None:
    (tmp_path / "perfbench.toml").write_text(f"[gate]\n{written}\n")
    common = ("--scenario", "ticks_gated", "--scenarios", SCENARIOS, "--after", "./same", "--quiet")
    done = perfbench("--config", tmp_path / "perfbench.toml", "gate", *common, *flags, folder=workshop, env=env)
    assert done.returncode == code
    assert said in one_line(done.stderr)


@pytest.mark.parametrize("spec", ["ticker==9.9", "ticker==1.0 python==2.7", "./nothing-here", "ticker=="])
def test_an_environment_that_cannot_be_had_is_no_pass(workshop: Path, spec: str) -> None:
    done = perfbench(
        *(
            "gate",
            "--before",
            "./base",
            "--after",
            spec,
            "--scenario",
            "ticks_gated",
            "--scenarios",
            SCENARIOS,
            "--quiet",
        ),
        folder=workshop,
        env={"UV_OFFLINE": "1"},
    )
    assert done.returncode in (2, 5)
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_declared_set_of_cases_is_measured_by_default(workshop: Path, tmp_path: Path) -> None:
    declared = {"before": "./base", "after": "./same", "scenario": ["ticks_gated"], "mode": ["plain", "double"]}
    folders = {"scenarios": [str(SCENARIOS)], "results": str(tmp_path)}
    lines = [f"{name} = {json.dumps(value)}" for name, value in {**declared, **folders}.items()]
    config = tmp_path / "perfbench.toml"
    config.write_text("\n".join(["[gate]", 'threshold = "5%"', "max-time = 20", *lines]))
    done = perfbench("--config", config, "gate", "--quiet", folder=workshop)
    assert done.returncode == 0, done.stderr
    assert [verdict(done.stdout, mode) for mode in ("plain", "double")] == ["unchanged"] * 2
    other = perfbench("--config", config, "gate", "--quiet", "--after", "./crashes", folder=workshop)
    assert other.returncode == 5
    assert [verdict(other.stdout, mode) for mode in ("plain", "double")] == ["not measured"] * 2


def test_a_scenario_edited_between_the_sides_is_no_pass(workshop: Path, tmp_path: Path) -> None:
    """The side after edits the file, as an editor or a checkout would between two passes."""
    scenarios = tmp_path / "own"
    scenarios.mkdir()
    (scenarios / "edited.py").write_text(
        "import pathlib, ticker\nfrom perfbench import Work, mode\n\n"
        "@mode(baseline=True)\ndef plain():\n"
        "    path = pathlib.Path(__file__)\n"
        "    if ticker.AMOUNT == 99:\n"
        "        path.write_text(path.read_text() + '# edited\\n')\n"
        "    return Work(1, seconds=1.0)\n"
    )
    code, table, _ = gated(workshop, "./less", "--scenario", "edited", scenarios=scenarios)
    assert code == 5
    assert "the scenario file was edited while it was measured" in table


def test_gate_fails_when_a_market_file_changes(workshop: Path, tmp_path: Path, market: Path) -> None:
    scenarios = tmp_path / "own"
    scenarios.mkdir()
    (scenarios / "grows.py").write_text(
        "import ticker\nfrom perfbench import Work, mode\n\n"
        "@mode(baseline=True)\ndef plain(market):\n"
        "    with open(market, 'a') as file:\n        file.write(' ')\n"
        "    return Work(1, seconds=1.0)\n"
    )
    own = tmp_path / "market"
    own.write_bytes(market.read_bytes())
    code, table, _ = gated(workshop, "./same", "--scenario", "grows", "--data", str(own), scenarios=scenarios)
    assert code == 5
    assert "market was changed while it was measured" in table


@pytest.mark.parametrize("content", ["", "{\n", "no stream\n"])
def test_a_damaged_market_file_is_no_pass(workshop: Path, tmp_path: Path, content: str) -> None:
    scenarios = tmp_path / "own"
    scenarios.mkdir()
    (scenarios / "reads.py").write_text(
        "from perfbench import Work, mode\n\n@mode(baseline=True)\ndef plain(market):\n    return Work(1, seconds=1.0)\n"
    )
    (tmp_path / "damaged").write_text(content)
    code, _, complaint = gated(
        workshop, "./same", "--scenario", "reads", "--data", str(tmp_path / "damaged"), scenarios=scenarios
    )
    assert code == 5
    assert "damaged" in one_line(complaint)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12k", "tmpfs", folder], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("a disk of its own takes the rights of root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_no_pass(workshop: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        code, _, complaint = gated(workshop, "./same", "--results", str(disk))
    assert code == 5
    assert "Traceback" not in complaint


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_gate_fails_when_it_is_interrupted(workshop: Path, tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "perfbench", "gate", "--before", "./base", "--after", "./noisy"]
    command += ["--scenario", "ticks_gated", "--scenarios", str(SCENARIOS), "--results", str(tmp_path)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=workshop, env=variables(workshop)
    )
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if any(path.read_bytes().count(b"\n") > 12 for path in tmp_path.glob("*.journal")):
            break
        time.sleep(0.05)
    os.kill(process.pid, number)
    table, complaint = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "unchanged" not in table
    cause, hint = complaint.splitlines()[-2:]
    assert "interrupted; what was measured is in" in cause
    assert hint == "hint: a gate cannot be resumed: run it again"
    resumed = perfbench("compare", "--resume", "--results", tmp_path, folder=workshop)
    assert (resumed.returncode, resumed.stdout) == (5, "")
    assert "holds no interrupted run to resume, only gates: " in one_line(resumed.stderr)
