"""``perfbench compare``: environments side by side, through the real command line and with real installations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.checkouts import checkout
from support.command_line import SCENARIOS, one_line, perfbench

OLD = """
SECONDS = {"plain": 6.860, "quick": 3.0, "slow": 1.0}

def books():
    for number in range(2000):
        yield {"runners": [7, 3], "matched": None, "price": 0.1 + 0.2}
"""

NEW = """
SECONDS = {"plain": 2.998, "quick": 2.0, "slow": 1.25}

def books():
    for number in range(2000):
        yield {"runners": [3, 7], "matched": None, "price": 0.3}
"""

WRONG = NEW.replace('"price": 0.3', '"price": 0.3 if number != 1500 else 0.31')
ZONED = NEW + '\nZONE = "UTC"\n'
LESS = NEW.replace("range(2000)", "range(1999)")


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with checkouts; environments are built once for the whole file."""
    folder = tmp_path_factory.mktemp("compare")
    for name, version, body in (
        ("old", "1.0", OLD),
        ("new", "2.0", NEW),
        ("wrong", "2.1", WRONG),
        ("less", "2.2", LESS),
        ("zoned", "3.0", ZONED),
        ("silent", "2.3", ZONED),
        ("crashing", "2.4", "raise ValueError('no ticks today')\n"),
    ):
        checkout(folder / name, version, body)
    return folder


def compared(workshop: Path, scenario: str, *arguments: object) -> tuple[int, str, str]:
    rounds = () if "--rounds" in arguments else ("--rounds", "6")
    done = perfbench(
        *("compare", *arguments, "--scenario", scenario, "--scenarios", SCENARIOS, "--quiet", *rounds), folder=workshop
    )
    return done.returncode, done.stdout, done.stderr


def row(table: str, mode: str) -> list[str]:
    """The cells of the row of a mode, with a mark in front as its first cell."""
    (line,) = [line for line in table.splitlines() if mode in line.split() and ("→" in line or "–" in line)]
    return line.split()


# The table -----------------------------------------------------------------------------------------------------------


def test_seconds_before_and_after_stand_side_by_side_with_the_factor_and_its_verdict(workshop: Path) -> None:
    code, table, _ = compared(workshop, "ticks_timed", "./old", "./new", "--mode", "plain")
    assert code == 0
    assert "ticks_timed · 44,687 ticks · 2 environments · 6 rounds" in table
    assert "./old → ./new" in table
    assert "6.860s → 2.998s  2.3x ▲" in table


def test_claims_are_confirmed_missed_or_refuted_across_modes_too(workshop: Path) -> None:
    _, table, _ = compared(workshop, "ticks_timed", "./old", "./new")
    claims = {
        line.split("  ")[1].strip(): line.rpartition("  ")[2].strip() for line in table.splitlines() if "→" in line
    }
    assert claims["plain"] == "2.3x confirmed"
    assert claims["quick"] == "2.8x: 1.50x here [1.500–1.500]"
    assert claims["slow"] == "1.50x refuted"
    assert claims["plain → quick"] == "3.0x confirmed"


def test_comparison_of_three_sides_compares_each_with_the_first(workshop: Path) -> None:
    _, table, _ = compared(workshop, "ticks_timed", "./old", "./new", "./zoned", "--mode", "plain")
    assert "6.860s → 2.998s  2.3x ▲" in table
    assert row(table, "./zoned")[:2] == ["plain", "./zoned"]


def test_commit_of_a_measured_checkout_is_shown(workshop: Path) -> None:
    _, table, _ = compared(workshop, "ticks_timed", "./old", "./new", "--mode", "plain")
    assert "./old: no commit" in table


# Same output ---------------------------------------------------------------------------------------------------------


def test_announced_changes_are_named_and_only_those_that_matter(workshop: Path) -> None:
    code, table, _ = compared(workshop, "ticks", "./old", "./new")
    assert code == 0
    assert "known changes" in row_text(table, "books")
    assert "known changes: ticker 2.0 sorts the runners; with these reverted" in table
    assert "0 and not None" not in table


def test_the_same_output_but_for_the_last_digits_of_floats_is_the_same(workshop: Path) -> None:
    _, table, _ = compared(workshop, "ticks", "./old", "./new")
    assert "price" not in table


def test_a_difference_that_nobody_announced_is_named_with_its_update_and_field(workshop: Path) -> None:
    code, table, _ = compared(workshop, "ticks", "./old", "./wrong")
    assert code == 6
    assert "! books differs at update 1,501, price: 0.3 → 0.31" in table


def test_announced_trait_is_a_known_change_and_an_unannounced_trait_is_not(workshop: Path) -> None:
    code, table, _ = compared(workshop, "ticks", "./new", "./zoned")
    assert (code, "known changes: ticker 3.0 tells the time zone" in table) == (0, True)
    code, table, _ = compared(workshop, "ticks", "./new", "./silent")
    assert code == 6
    assert "! books differs at update 1, time zone: none → UTC" in table


def test_a_difference_can_be_accepted_by_the_name_of_its_change(workshop: Path) -> None:
    code, table, _ = compared(workshop, "ticks", "./new", "./silent", "--accept", "zone")
    assert (code, "known changes: ticker 3.0 tells the time zone" in table) == (0, True)


def test_a_side_that_does_less_has_no_ratio(workshop: Path) -> None:
    code, table, _ = compared(workshop, "ticks", "./new", "./less")
    assert code == 6
    assert "! books differs at update 2,000, amount of work: 2,000 ticks → 1,999 ticks" in table
    assert "▲" not in table
    assert "x ?" not in table


# What fails ----------------------------------------------------------------------------------------------------------


def test_an_environment_that_cannot_be_had_is_one_line_and_the_others_are_measured(workshop: Path) -> None:
    code, table, _ = compared(workshop, "ticks_timed", "./old", "./nowhere", "./new", "--mode", "plain")
    assert code == 5
    assert "6.860s → 2.998s  2.3x ▲" in table
    assert len([line for line in table.splitlines() if line.startswith("!")]) == 1


@pytest.mark.parametrize(
    ("sides", "said"),
    [
        (("./nowhere", "./new"), "./nowhere is not a folder"),
        (
            ("./new", "./crashing"),
            "cannot load scenario ticks_timed in ./crashing: ValueError: no ticks today",
        ),
        (("./nowhere", "./crashing"), "cannot load scenario ticks_timed in ./crashing"),
    ],
)
def test_compare_fails_when_only_one_side_is_left(
    workshop: Path, tmp_path: Path, sides: tuple[str, ...], said: str
) -> None:
    code, table, complaint = compared(workshop, "ticks_timed", *sides, "--results", tmp_path)
    assert (code, table) == (5, "")
    assert said in one_line(complaint)
    assert not list(tmp_path.glob("*.j*"))


def test_side_that_is_missing_is_reported_before_the_others_are_measured(workshop: Path, tmp_path: Path) -> None:
    sides = ("./old", "./nowhere", "./new")
    options = ("--scenario", "ticks_timed", "--scenarios", SCENARIOS, "--mode", "plain", "--rounds", "2")
    done = perfbench("compare", *sides, *options, "--results", tmp_path, folder=workshop)
    assert done.returncode == 5
    assert done.stderr.index("! ./nowhere is not a folder") < done.stderr.index("saved in ")
    assert "6.860s → 2.998s" in done.stdout


def test_named_mode_that_one_environment_lacks_is_reported(workshop: Path, tmp_path: Path) -> None:
    (tmp_path / "lacks.py").write_text(
        "import ticker\nfrom perfbench import Work, mode\n\n@mode\ndef plain():\n    return Work(1, seconds=1.0)\n\n"
        "if ticker.SECONDS['slow'] == 1.0:\n    @mode\n    def extra():\n        return Work(1, seconds=1.0)\n"
    )
    options = ("--env", "./old", "--env", "./new", "--rounds", "1", "--quiet", "--results", tmp_path)
    done = perfbench("run", tmp_path / "lacks.py", "--mode", "extra", *options, folder=workshop)
    assert done.returncode == 5
    assert "! lacks/extra: no such mode in ./new" in done.stdout
    every = perfbench("run", tmp_path / "lacks.py", *options, folder=workshop)
    assert every.returncode == 0, every.stderr
    code, table, complaint = compared(workshop, str(tmp_path / "lacks.py"), "./old", "./new", "--mode", "extra")
    assert (code, table) == (5, "")
    assert "lacks/extra: no such mode in ./new" in one_line(complaint)


def test_a_package_that_cannot_be_imported_is_one_line(workshop: Path) -> None:
    code, table, complaint = compared(workshop, "ticks", "./old", "./crashing", "./new")
    assert code == 5
    assert "cannot load scenario ticks in ./crashing: ValueError: no ticks today" in table
    assert "Traceback" not in table + complaint


def test_imported_version_that_differs_from_the_requested_version_is_refused(workshop: Path, tmp_path: Path) -> None:
    compared(workshop, "ticks_timed", "./old", "./new", "--mode", "plain")
    (found,) = (workshop / "cache").glob("environments/*/lib/python*/site-packages/ticker-1.0.dist-info/METADATA")
    sound = found.read_text()
    found.write_text(sound.replace("Version: 1.0", "Version: 1.1"))
    try:
        code, table, complaint = compared(workshop, "ticks_timed", "./old", "./new", "./zoned", "--mode", "plain")
    finally:
        found.write_text(sound)
    assert code == 5
    assert "imported ticker 1.1, not the requested 1.0" in table + complaint


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "at least two environments are needed"),
        (("./old",), "at least two environments are needed"),
        (("./old", "kept.json"), "kept.json is a saved run and ./old is not"),
        (("a.json", "b.json", "c.json"), "two saved runs can be compared, not 3"),
        (("./old", "./new", "--mode", "plian"), "no mode `plian`; did you mean `plain`?"),
        (("./old", "./new", "--scenario", "tickss"), "no scenario `tickss`"),
    ],
)
def test_invalid_comparison_is_reported_in_one_line(workshop: Path, arguments: tuple[str, ...], complaint: str) -> None:
    code, _, said = compared(workshop, "ticks_timed", *arguments)
    assert code == 2
    assert complaint in one_line(said)


# Saved runs ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kept(workshop: Path) -> Path:
    """Two saved runs of one environment each."""
    for name in ("old", "new"):
        done = perfbench(
            *("run", "ticks_timed", "--scenarios", SCENARIOS, "--env", f"./{name}", "--save", name, "--rounds", "6"),
            folder=workshop,
        )
        assert done.returncode == 0, done.stderr
    return workshop


def test_saved_runs_are_compared_case_by_case_and_marked_unpaired(kept: Path) -> None:
    done = perfbench("compare", "old", "new", folder=kept)
    assert done.returncode == 0, done.stderr
    assert row(done.stdout, "plain")[1:6] == ["6.860s", "→", "2.998s", "2.3x", "▲"]
    assert "warning: unpaired: the two runs were measured at different times" in done.stdout
    assert "6 rounds, unpaired" in done.stdout


def test_a_run_and_its_copy_are_two_sides(kept: Path) -> None:
    (kept / "copy.json").write_bytes((kept / "results" / "old.json").read_bytes())
    done = perfbench("show", "old", "copy.json", folder=kept)
    assert done.returncode == 0, done.stderr
    assert row(done.stdout, "plain")[1:5] == ["6.860s", "→", "6.860s", "1.00x"]
    assert row(done.stdout, "quick")[1:5] == ["3.000s", "→", "3.000s", "1.00x"]
    assert "(old) → (old again)" in done.stdout


def test_compare_accepts_at_most_two_saved_runs(kept: Path) -> None:
    done = perfbench("show", "old", "new", "old", folder=kept)
    assert done.returncode == 2
    assert "two saved runs can be shown side by side, not 3" in one_line(done.stderr)


def test_runs_without_a_common_case_cannot_be_compared(kept: Path) -> None:
    perfbench("run", "waits", "--scenarios", SCENARIOS, "--save", "waits", "--rounds", "1", folder=kept)
    done = perfbench("compare", "old", "waits", folder=kept)
    assert done.returncode == 5
    assert "old and waits have no case in common" in one_line(done.stderr)


def test_saved_run_of_another_machine_or_a_newer_perfbench_gets_a_warning(kept: Path) -> None:
    document = json.loads((kept / "results" / "new.json").read_text())
    document["machine"]["cpu"] = "another"
    (kept / "other.json").write_text(json.dumps(document))
    done = perfbench("compare", "old", "other.json", folder=kept)
    assert done.returncode == 5
    assert "the runs are of different machines" in done.stdout
    (kept / "newer.json").write_text(json.dumps({**document, "schema": 2}))
    done = perfbench("compare", "old", "newer.json", folder=kept)
    assert done.returncode == 5
    assert "was saved by a newer perfbench (schema 2)\nhint: update perfbench" in one_line(done.stderr)


def test_runs_of_one_machine_with_other_usable_cores_are_compared_with_a_warning(kept: Path) -> None:
    document = json.loads((kept / "results" / "new.json").read_text())
    document["machine"]["cores"] += 3
    (kept / "pinned.json").write_text(json.dumps(document))
    done = perfbench("compare", "old", "pinned.json", folder=kept)
    assert done.returncode == 0
    assert "different machines" not in done.stdout
    assert "different numbers of usable cores" in done.stdout


def row_text(table: str, mode: str) -> str:
    return " ".join(row(table, mode))


# Configuration -------------------------------------------------------------------------------------------------------


def test_a_configured_name_stands_for_a_spec(workshop: Path) -> None:
    (workshop / "perfbench.toml").write_text('[environments]\nthen = "./old"\nnow = "./new"\n')
    try:
        code, table, _ = compared(workshop, "ticks_timed", "then", "now", "--mode", "plain")
    finally:
        (workshop / "perfbench.toml").unlink()
    assert code == 0
    assert "then → now" in table
