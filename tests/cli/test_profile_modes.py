"""``perfbench profile`` of several modes, markets and environments: everything that was measured is shown, with plain defaults."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.checkouts import checkout
from support.command_line import one_line, perfbench

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe
from perfbench.profiling import compare
from perfbench.profiling.document import PROFILES, ProfileDocument
from perfbench.profiling.instructions import functions
from perfbench.runner import callgrind

UPDATES = {"small": 60, "large": 90}

MODES = '''
"""Two ways to the same sum."""

import ticker

from perfbench import NotAvailable, mode

UNIT = "ticks"


@mode(baseline=True)
def single():
    return ticker.single(8_000)


@mode
def double():
    return ticker.double(8_000)


@mode(group="faulty")
def crashes():
    raise ValueError("no ticks today")


@mode(group="faulty")
def lacks():
    raise NotAvailable("no such server: start one")
'''

READERS = '''
"""Two readers of a market file."""

import json

from perfbench import mode

UNIT = "updates"


@mode(baseline=True)
def once(market):
    with open(market, "rb") as file:
        for line in file:
            yield [json.loads(line) for _ in range(20)][0]


@mode
def twice(market):
    with open(market, "rb") as file:
        for line in file:
            yield [json.loads(line) for _ in range(40)][0]


@mode(group="silent")
def whole(market):
    with open(market, "rb") as file:
        return len([json.loads(line) for line in list(file) * 20])
'''

BODY = """
def add(number):
    return sum(step * number for step in (1, 2, 3, 4))

def single(ticks):
    for number in range(ticks):
        add(number)
    return ticks

def double(ticks):
    for number in range(ticks):
        add(number), add(number)
    return ticks
"""
SLOWER = BODY.replace("    return sum", "    [0] * 4000\n    return sum")
ONE_FAILS = SLOWER.replace("def double(ticks):", "def double(ticks):\n    raise ValueError('no double ticks')")

QUICK = ("--rounds", "1", "--quiet")


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two markets of different sizes, a scenario of several modes and checkouts of what it measures."""
    folder = tmp_path_factory.mktemp("modes")
    for name, updates in UPDATES.items():
        write_market(Recipe(seed=updates, runners=3, updates=updates), folder / name)
    (folder / "ways.py").write_text(MODES)
    (folder / "reads.py").write_text(READERS)
    for number, (name, body) in enumerate({"base": BODY, "slower": SLOWER, "fails": ONE_FAILS}.items()):
        checkout(folder / name, f"{1 + number}.0", body)
    return folder


def profile(workshop: Path, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    return perfbench("profile", *arguments, folder=workshop, env=variables)


def loaded(workshop: Path, name: str) -> ProfileDocument:
    return PROFILES.load(workshop / "results" / f"{name}.profile.json")


def profiled(text: str) -> dict[str, int]:
    """Title and work of every profile of one environment in the output."""
    return {
        title: int(work.replace(",", ""))
        for title, work in re.findall(r"^(\S.*)\n  \S+ CPU for ([\d,]+) \w+", text, re.MULTILINE)
    }


def files(workshop: Path, name: str) -> set[str]:
    return {path.name for path in (workshop / "results" / name).iterdir()}


# One environment ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def by_default(workshop: Path) -> tuple[subprocess.CompletedProcess[str], Path]:
    """``perfbench profile`` without options in an empty folder, of a small market, and the saved document."""
    folder = workshop / "empty"
    folder.mkdir()
    done = profile(folder, PERFBENCH_PROFILE_DATA=str(workshop / "small"))
    assert done.returncode == 0, done.stderr
    (document,) = folder.glob("results/*.profile.json")
    return done, document


def test_profile_with_plain_defaults_shows_every_mode_its_memory_and_its_slow_updates(
    by_default: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    done, document = by_default
    modes = ["lightweight", "full", "patched"]
    assert profiled(done.stdout) == {f"replay {mode} · here · small": 60 for mode in modes}
    slow = re.findall(r"^(.*)\n  the slowest 1 % of 60 updates", done.stdout, re.MULTILINE)
    assert slow == [f"replay {mode} · here · small" for mode in modes]
    assert re.findall(r"^  (\w+) +\d+\.\d MB +\d+\.\d MB", done.stdout, re.MULTILINE) == modes
    written = {path.name for path in document.with_name(document.name.removesuffix(".profile.json")).iterdir()}
    assert {f"{mode}{suffix}" for mode in modes for suffix in (".html", ".pyisession", ".pstats")} < written
    assert {"memory.png", "memory.svg"} < written


@pytest.mark.parametrize("profiler", ["pyinstrument", "cprofile"])
def test_profile_shows_every_mode_of_every_market_and_shows_it_again(workshop: Path, profiler: str) -> None:
    data = ("--data", "small", "--data", "large")
    done = profile(workshop, "./reads.py", *data, *QUICK, "--profiler", profiler, "--save", profiler)
    assert done.returncode == 0, done.stderr
    updates = {f"reads {mode} · here · {name}": UPDATES[name] for name in UPDATES for mode in ("once", "twice")}
    assert profiled(done.stdout) == updates
    slow = re.findall(r"^(.*)\n  the slowest 1 % of (\d+) updates", done.stdout, re.MULTILINE)
    assert {title: int(count) for title, count in slow} == updates
    assert {f"{mode}-{name}.pstats" for mode in ("once", "twice") for name in UPDATES} < files(workshop, profiler)
    assert {f"memory-{name}.png" for name in UPDATES} < files(workshop, profiler)
    again = profile(workshop, "--show", profiler)
    assert (again.returncode, again.stdout) == (0, done.stdout)


def test_profile_reports_that_a_mode_has_no_single_updates(workshop: Path) -> None:
    done = profile(workshop, "./reads.py", "--mode", "whole", "--data", "small", "--no-memory", *QUICK)
    assert done.returncode == 0, done.stderr
    assert "  slow updates: unknown, this mode does not report each update of the file\n" in done.stdout


@pytest.mark.parametrize("columns", [80, 120, 160])
def test_profile_fits_the_terminal(
    workshop: Path, by_default: tuple[subprocess.CompletedProcess[str], Path], columns: int
) -> None:
    done = profile(workshop, "--show", by_default[1], COLUMNS=str(columns))
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= columns
    assert {"lightweight", "full"} <= set(re.findall(r"^  (\w+) +\d+\.\d MB", done.stdout, re.MULTILINE))
    assert len(re.findall(r"^  \S*:[\w.]+ +\d+\.\d+[mµ]?s +\d+\.\d ", done.stdout, re.MULTILINE)) >= 3


@pytest.mark.parametrize(
    ("mode", "reason"), [("crashes", "ValueError: no ticks today"), ("lacks", "no such server: start one")]
)
def test_profile_shows_the_other_modes_when_one_cannot_be_measured(workshop: Path, mode: str, reason: str) -> None:
    modes = ("--mode", "single", "--mode", "double", "--mode", mode)
    done = profile(workshop, "./ways.py", "--env", "./base", *modes, *QUICK, "--save", f"with-{mode}")
    assert done.returncode == 5
    assert "not everything was profiled" in one_line(done.stderr)
    assert re.search(rf"^! ways/{mode}@\./base: .*{reason}", done.stdout, re.MULTILINE)
    titles = [f"ways {mode} · ./base" for mode in ("single", "double")]
    assert list(profiled(done.stdout)) == titles
    assert re.findall(r"^  (\w+) +\d+\.\d MB +\d+\.\d MB", done.stdout, re.MULTILINE) == ["single", "double"]
    assert {"single.html", "double.html", "memory.png"} < files(workshop, f"with-{mode}")


def test_profile_shows_allocations_although_no_cpu_profile_and_no_memory_curve_was_taken(workshop: Path) -> None:
    """A mode that is too short for a sample."""
    (workshop / "brief.py").write_text(
        "from perfbench import mode\n\n\n@mode(baseline=True)\ndef brief():\n    return bool(bytearray(500_000)) + 0\n"
    )
    done = profile(workshop, "./brief.py", "--no-memory", "--allocations", *QUICK)
    assert done.returncode == 5
    assert "took no sample" in done.stdout
    assert "largest by bytes" in done.stdout


def test_profile_finds_its_profiler_where_a_mode_gets_packages_on_top_of_here(workshop: Path) -> None:
    (workshop / "orders.py").write_text(
        "from perfbench import mode\n\n\n@mode(baseline=True, needs=['orjson==3.13.0'])\ndef dumps():\n    import orjson\n"
        "    return len([orjson.dumps(list(range(100))) for _ in range(20_000)])\n"
    )
    done = profile(workshop, "./orders.py", "--no-memory", *QUICK)
    assert done.returncode == 0, done.stderr
    assert profiled(done.stdout) == {"orders dumps · here": 20_000}


def test_profile_shows_allocations_of_every_mode(workshop: Path) -> None:
    modes = ("--mode", "single", "--mode", "double")
    done = profile(workshop, "./ways.py", "--env", "./base", *modes, "--no-memory", "--allocations", *QUICK)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^  \w+ · ways/(\w+)@\./base · .* allocated", done.stdout, re.MULTILINE) == ["single", "double"]


def test_profile_of_modes_that_all_fail_lists_every_reason(workshop: Path) -> None:
    done = profile(workshop, "./ways.py", "--env", "./base", "--mode", "crashes", "--mode", "lacks", *QUICK)
    assert done.returncode == 5
    assert re.fullmatch(
        r"! ways/crashes@\./base: ValueError: no ticks today at \S+\n! ways/lacks@\./base: no such server: start one\n",
        done.stdout,
    )
    assert "nothing was profiled" in one_line(done.stderr)


# Two environments --------------------------------------------------------------------------------------------------------


def test_difference_of_several_modes_is_shown_mode_by_mode(workshop: Path) -> None:
    modes = ("--mode", "single", "--mode", "double")
    done = profile(workshop, "./ways.py", "--diff", "./base", "./slower", *modes, *QUICK, "--save", "two-sides")
    assert done.returncode == 0, done.stderr
    shown = re.findall(r"^(ways \w+ · \./base → \./slower)$", done.stdout, re.MULTILINE)
    assert shown == ["ways single · ./base → ./slower", "ways double · ./base → ./slower"]
    assert done.stdout.count("ticker.py:add") >= 2
    assert {"single-difference.html", "double-difference.html"} < files(workshop, "two-sides")


def test_difference_of_one_mode_is_shown_when_another_fails_on_one_side(workshop: Path) -> None:
    modes = ("--mode", "single", "--mode", "double")
    done = profile(workshop, "./ways.py", "--diff", "./base", "./fails", *modes, *QUICK, "--save", "one-fails")
    assert done.returncode == 5
    assert "not everything was profiled" in one_line(done.stderr)
    assert "! ways/double@./fails: ValueError: no double ticks" in done.stdout
    assert re.findall(r"^ways \w+ · .*→.*$", done.stdout, re.MULTILINE) == ["ways single · ./base → ./fails"]
    survivor = [one for one in loaded(workshop, "one-fails").run.measurements if one.case.id == "ways/double@./base"]
    assert [one.samples for one in survivor] == [()]


def test_difference_across_claims_compares_like_with_like(workshop: Path) -> None:
    """A claim may compare one mode before with another after: no function of the one makes the other slower."""
    (workshop / "claims.py").write_text(
        MODES.replace("NotAvailable, mode", "Claim, NotAvailable, mode")
        + '\nCLAIMS = [Claim("single@ticker==1.0", "double@ticker==2.0", 1.0, "notes")]\n'
    )
    modes = ("--mode", "single", "--mode", "double", "--no-memory")
    done = profile(workshop, "./claims.py", "--diff", "./base", "./slower", *modes, *QUICK, "--save", "claims")
    assert done.returncode == 0, done.stderr
    assert [(one.before.case.mode, one.after.case.mode) for one in compare.diff_sides(loaded(workshop, "claims"))] == [
        ("single", "single"),
        ("double", "double"),
    ]


def test_difference_of_one_side_that_cannot_be_built_ends_before_anything_is_measured(workshop: Path) -> None:
    broken = checkout(workshop / "broken", "1.0", BODY)
    (broken / "own_backend.py").write_text("raise ImportError('no backend today')\n")
    done = profile(workshop, "./ways.py", "--diff", "./base", "./broken", *QUICK, "--save", "one-side")
    assert (done.returncode, done.stdout) == (5, "")
    assert "./broken" in one_line(done.stderr)
    assert not (workshop / "results" / "one-side.profile.json").exists()


def test_saved_profiles_of_several_modes_are_compared_and_unmatched_modes_listed(workshop: Path) -> None:
    for name, modes in (("saved-a", ("single", "double")), ("saved-b", ("single",))):
        chosen = [argument for mode in modes for argument in ("--mode", mode)]
        done = profile(workshop, "./ways.py", "--env", "./base", *chosen, "--no-memory", *QUICK, "--save", name)
        assert done.returncode == 0, done.stderr
    done = profile(workshop, "--diff", "saved-a", "saved-b")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("! only saved-a has a profile of ways double\n")
    assert re.findall(r"^ways \w+ · .*→.*$", done.stdout, re.MULTILINE) == ["ways single · ./base → ./base"]


# Known before anything is measured ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "code", "reason"),
    [
        ("nosuch", 2, "--lines nosuch"),
        (":add", 2, "--lines :add"),
        ("nosuch:func", 5, "there is no module `nosuch` in this environment"),
        ("ticker:ad", 5, "ticker has no `ad`; did you mean `add`?"),
    ],
)
def test_function_that_cannot_be_shown_line_by_line_is_refused_before_anything_is_measured(
    workshop: Path, function: str, code: int, reason: str
) -> None:
    done = profile(workshop, "./ways.py", "--env", "./base", "--lines", function, *QUICK, "--save", "no-lines")
    assert (done.returncode, done.stdout) == (code, "")
    assert reason in one_line(done.stderr)
    assert not list(workshop.glob("results/no-lines*"))


@pytest.mark.skipif(bool(callgrind.explain_unavailable()), reason=callgrind.explain_unavailable() or "valgrind is here")
@pytest.mark.skipif(sys.version_info >= functions.OLDEST_PYTHON, reason="this Python has trampolines")
def test_count_without_trampolines_is_refused_before_anything_is_measured(workshop: Path) -> None:
    sides = ("--diff", "./base", "./slower")
    done = profile(workshop, "./ways.py", *sides, "--count", *QUICK, "--save", "no-count")
    assert (done.returncode, done.stdout) == (5, "")
    assert "instructions by function need Python 3.12 or newer" in one_line(done.stderr)
    assert not list(workshop.glob("results/no-count*"))
