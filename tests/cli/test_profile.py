"""``perfbench profile``: where CPU and memory go, and what made a difference. Through the real command line, real profilers."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pyinstrument.session import Session
from support.checkouts import checkout
from support.command_line import SCENARIOS, one_line, perfbench, variables
from support.small_disks import tiny_disk

from perfbench.profiling import compare
from perfbench.profiling.document import PROFILES

BODY = """
def price(number):
    return sum(step * number for step in (1, 2, 3, 4))

class Book:
    def sort(self, number):
        return sorted(range(number % 50, 0, -1))

def settle(number):
    return len(str(number))

def work(ticks):
    book = Book()
    for number in range(ticks):
        price(number)
        book.sort(number)
        settle(number)
    return ticks
"""

SLOWER = BODY.replace("    return sorted", "    [0] * 4000\n        return sorted")
TWICE = BODY.replace("        settle(number)\n", "        settle(number)\n" * 6)
RENAMED = (
    BODY.replace("def price", "def price_of")
    .replace("price(number)", "price_of(number)", 1)
    .replace("        price(number)", "        price_of(number)")
)

QUICK = ("--rounds", "2", "--no-memory", "--quiet")


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with checkouts of a ticker; environments are built once for the whole file."""
    folder = tmp_path_factory.mktemp("profile")
    for number, (name, body) in enumerate(
        {"base": BODY, "same": BODY, "slower": SLOWER, "twice": TWICE, "renamed": RENAMED}.items()
    ):
        checkout(folder / name, f"{1 + number}.0", body)
    return folder


def profile(workshop: Path, *arguments: object, mode: str = "plain") -> subprocess.CompletedProcess[str]:
    """``perfbench profile`` of the ticker."""
    modes = ("--mode", mode) if mode else ()
    return perfbench("profile", "works", "--scenarios", SCENARIOS, *modes, *arguments, folder=workshop)


def difference(workshop: Path, before: str, after: str, name: str, rounds: int = 6) -> compare.ProfileDiff:
    """What made the difference of two checkouts."""
    sides = ("--diff", f"./{before}", f"./{after}")
    done = profile(workshop, *sides, "--rounds", rounds, "--no-memory", "--quiet", "--save", name)
    assert done.returncode == 0, done.stderr
    (found,) = compare.diff_sides(PROFILES.load(workshop / "results" / f"{name}.profile.json"))
    return found


@pytest.fixture(scope="module")
def kept(workshop: Path) -> Path:
    """The folder in which a profile of the ticker is saved under the name ``kept``."""
    done = profile(workshop, "--env", "./base", *QUICK, "--save", "kept")
    assert done.returncode == 0, done.stderr
    return workshop / "results"


# One environment ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profiler", ["pyinstrument", "cprofile"])
def test_profile_shows_owners_of_the_time_and_its_own_overhead(workshop: Path, profiler: str) -> None:
    done = profile(workshop, "--env", "./base", "--profiler", profiler, *QUICK, "--save", profiler)
    assert done.returncode == 0, done.stderr
    assert re.search(
        rf"{profiler}.*this profile cost \d+(\.\d+)?x; shares are scaled to the seconds without it", done.stdout
    )
    owned = re.findall(r"^  (pricing|sorting|interpreter and the rest) +\S+ +(\d+\.\d)", done.stdout, re.MULTILINE)
    assert [name for name, _ in owned] == ["pricing", "sorting", "interpreter and the rest"]
    assert sum(float(share) for _, share in owned) == pytest.approx(100, abs=0.16)
    assert all(float(share) > 5 for _, share in owned[:2])
    assert "ticker.py:Book.sort" in done.stdout


def test_profile_seconds_are_those_of_unprofiled_passes(kept: Path) -> None:
    found = PROFILES.load(kept / "kept.profile.json")
    (one,) = found.profiles
    (measured,) = found.run.measurements
    assert list(one.unprofiled) == [sample.metrics["cpu_seconds"] for sample in measured.samples]
    assert all(one.seconds < profiled.cpu_seconds for profiled in one.passes)


def test_calls_are_counted_beside_the_samples(kept: Path) -> None:
    (one,) = PROFILES.load(kept / "kept.profile.json").profiles
    often = {one.functions[call.callee].key: call.count for call in one.calls}
    assert (often["ticker.py:price"], often["ticker.py:Book.sort"], often["ticker.py:work"]) == (12_000, 12_000, 1)


def test_files_for_other_programs_are_written(kept: Path) -> None:
    folder = kept / "kept"
    names = {path.name for path in folder.iterdir()}
    kinds = (".pyisession", ".speedscope.json", ".collapsed.txt", ".html", ".pstats")
    assert names == {f"plain{suffix}" for suffix in kinds}
    assert Session.load(str(folder / "plain.pyisession")).duration > 0
    assert json.loads((folder / "plain.speedscope.json").read_text())["profiles"]


def test_a_saved_profile_is_shown_again(kept: Path) -> None:
    done = perfbench("profile", "--show", "kept", folder=kept.parent)
    assert done.returncode == 0, done.stderr
    assert "ticker.py:Book.sort" in done.stdout
    refused = perfbench("show", "kept", folder=kept.parent)
    assert refused.returncode == 2
    assert "is a saved profile, not a run\nhint: perfbench profile --show kept" in one_line(refused.stderr)


def test_memory_is_watched_and_drawn(workshop: Path) -> None:
    done = profile(workshop, "--env", "./base", "--rounds", "1", "--quiet", "--save", "watched")
    assert done.returncode == 0, done.stderr
    assert "growth/1000 ticks" in done.stdout
    names = {path.name for path in (workshop / "results" / "watched").iterdir()}
    assert {"memory.png", "memory.svg"} <= names


def test_every_update_of_a_replay_is_timed_and_the_slowest_are_placed(tmp_path: Path, market: Path) -> None:
    done = perfbench(
        "profile", "--data", market, "--mode", "lightweight", *QUICK, "--save", "replayed", folder=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "too few for more than the largest shares" in done.stdout
    (spikes,) = PROFILES.load(tmp_path / "results" / "replayed.profile.json").spikes
    assert (spikes.updates, len(spikes.slowest)) == (60, 1)
    assert spikes.slowest[0].place.line >= 1
    assert "market time" in done.stdout


def test_user_strategy_is_shown_by_callback(tmp_path: Path, market: Path) -> None:
    (tmp_path / "my.py").write_text(
        "from flumine import BaseStrategy\n\n\n"
        "class Slow(BaseStrategy):\n"
        "    def check_market_book(self, market, market_book):\n        return True\n\n"
        "    def process_market_book(self, market, market_book):\n"
        "        self.total = sum(step * step for step in range(20000))\n"
    )
    chosen = ("--set", "strategy=my.py:Slow", "--data", market)
    done = perfbench("profile", "backtest", *chosen, *QUICK, "--save", "mine", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    owned = dict(re.findall(r"^  (\S.*?)  +\S+ +(\d+\.\d)  ", done.stdout, re.MULTILINE))
    assert float(owned["the user's strategy"]) > 50
    assert re.search(r"the user's strategy, by callback.*my\.py:Slow\.process_market_book", done.stdout, re.DOTALL)


# Two environments --------------------------------------------------------------------------------------------------------


@pytest.mark.essential
def test_slower_function_heads_the_difference(workshop: Path) -> None:
    found = difference(workshop, "base", "slower", "d-slower")
    row = found.breakdown.rows[0]
    assert (row.key, row.edited) == ("ticker.py:Book.sort", True)
    assert sum(one.change for one in found.breakdown.rows) + found.breakdown.rest == pytest.approx(
        found.breakdown.difference.seconds
    )
    assert (workshop / "results" / "d-slower" / "plain-difference.html").is_file()


def test_function_called_more_often_is_shown_with_its_caller(workshop: Path) -> None:
    row = next(
        row for row in difference(workshop, "base", "twice", "d-twice").breakdown.rows if row.key == "ticker.py:settle"
    )
    assert (row.calls_before, row.calls_after, row.edited) == (1, 6, False)
    assert [caller.key for caller in row.callers] == ["ticker.py:work"]
    shown = perfbench("profile", "--show", "d-twice", folder=workshop).stdout
    assert "called 6 times as often; same code" in shown


def test_a_renamed_function_is_the_same_function(workshop: Path) -> None:
    found = difference(workshop, "base", "renamed", "d-renamed")
    assert not {row.presence for row in found.breakdown.rows} & {"new", "gone"}


def test_identical_environments_have_no_function_to_name(workshop: Path) -> None:
    assert difference(workshop, "base", "same", "d-same").breakdown.rows == ()


def test_saved_profiles_are_compared_and_marked_unpaired(workshop: Path) -> None:
    for side in ("base", "slower"):
        assert (
            profile(
                workshop, "--env", f"./{side}", "--rounds", "6", "--interval", "0.1", *QUICK[2:], "--save", f"s-{side}"
            ).returncode
            == 0
        )
    done = perfbench("profile", "--diff", "s-base", "s-slower", folder=workshop)
    assert done.returncode == 0, done.stderr
    assert "the two profiles were not measured at the same time" in done.stdout
    assert "ticker.py:Book.sort" in done.stdout


# What goes wrong ---------------------------------------------------------------------------------------------------------


def test_profiles_of_different_data_are_not_compared(workshop: Path, tmp_path: Path, market: Path) -> None:
    replayed = ("profile", "--mode", "lightweight", "--rounds", "1", "--no-memory", "--quiet")
    for name, lines in (("one", 60), ("other", 40)):
        path = tmp_path / name / "market"
        path.parent.mkdir()
        path.write_bytes(b"".join(market.read_bytes().splitlines(keepends=True)[:lines]))
        assert perfbench(*replayed, "--data", path, "--save", f"of-{name}", folder=tmp_path).returncode == 0
    done = perfbench("profile", "--diff", "of-one", "of-other", folder=tmp_path)
    assert done.returncode == 5
    assert "not of the same data" in one_line(done.stderr)


@pytest.mark.parametrize("profiler", ["pyinstrument", "cprofile"])
def test_crash_under_the_profiler_is_reported_in_one_line_and_the_rest_is_saved(workshop: Path, profiler: str) -> None:
    """It comes in the pass that counts calls where there is one, else in the first pass without a profiler."""
    name = f"crash-{profiler}"
    chosen = ("--env", "./base", "--mode", "crashes", "--profiler", profiler)
    done = profile(workshop, *chosen, *QUICK, "--save", name)
    assert done.returncode == 5
    assert "no ticks today" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert [one.case.mode for one in PROFILES.load(workshop / "results" / f"{name}.profile.json").profiles] == ["plain"]


def test_ctrl_c_saves_finished_profiles(workshop: Path) -> None:
    command = [sys.executable, "-m", "perfbench", "profile", "works", "--scenarios", str(SCENARIOS), "--mode", "plain"]
    running = subprocess.Popen(
        [*command, "--env", "./base", "--rounds", "500", "--save", "cut", "--quiet"],
        cwd=workshop,
        env=variables(workshop),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    path = workshop / "results" / "cut.profile.json"
    end = time.monotonic() + 60
    while time.monotonic() < end and not (path.is_file() and PROFILES.load(path).profiles):
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "interrupted; what was profiled is in" in one_line(said)
    shown = perfbench("profile", "--show", "cut", folder=workshop)
    assert shown.returncode == 0
    assert shown.stdout.startswith("! incomplete profile")


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a small disk")
def test_a_disk_that_fills_up_shows_what_was_profiled(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk", "20k") as disk:
        modes = ("--scenarios", SCENARIOS, "--mode", "light", "--no-memory", "--quiet")
        done = perfbench("profile", "burns", *modes, "--rounds", "40", "--results", disk, folder=tmp_path)
    assert done.returncode == 5
    assert "cannot be written (No space left on device)" in done.stdout
    assert "burns.py:burn" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_function_that_does_not_exist_is_one_line(workshop: Path) -> None:
    lines = ("--lines", "ticker:prise")
    done = profile(workshop, "--env", "./base", "--rounds", "1", "--no-memory", "--quiet", *lines)
    assert (done.returncode, done.stdout) == (5, "")
    assert "ticker has no `prise`; did you mean `price`?" in one_line(done.stderr)


@pytest.mark.skipif(sys.platform != "linux", reason="ptrace of Linux")
def test_pyspy_samples_from_outside_the_process(workshop: Path) -> None:
    done = profile(workshop, "--env", "./base", "--profiler", "pyspy", *QUICK)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pyspy, every 1 ms" in done.stdout
    assert "ticker.py:" in done.stdout


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv(1) takes the capability away")
def test_pyspy_without_ptrace_is_reported_in_one_line(workshop: Path) -> None:
    """Root may look into every process; without that capability it may not look into one that forbids it."""
    less = ("setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace") if os.geteuid() == 0 else ()
    command = [*less, sys.executable, "-m", "perfbench", "profile", "undumpable", "--scenarios", str(SCENARIOS)]
    done = subprocess.run(
        [*command, "--profiler", "pyspy", *QUICK],
        cwd=workshop,
        env=variables(workshop),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 5
    assert "py-spy may not trace this process" in one_line(done.stderr)
    assert "choose another --profiler" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--diff", "kept", "./base"), "kept is a saved profile and ./base is not"),
        (("--show", "nothing"), "nothing: no such file"),
        (
            ("--env", "./base", "--results", "base/ticker.py"),
            "--results base/ticker.py: base/ticker.py is not a folder\nhint: ",
        ),
        (("--count",), "--count compares two environments\nhint: name them with --diff"),
        (("--env", "./base", "--save", "kept"), "already exists\nhint: choose a different --save name"),
        (("--env", "./base", "--diff", "./base", "./same"), "--diff names both environments\nhint: leave out --env"),
    ],
)
def test_a_wrong_command_line_is_one_line(kept: Path, arguments: tuple[str, ...], said: str) -> None:
    done = profile(kept.parent, *arguments)
    assert done.returncode in (2, 5)
    assert said in one_line(done.stderr)
