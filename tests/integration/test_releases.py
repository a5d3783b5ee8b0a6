"""``perfbench compare`` on real releases of betfairlightweight, and ``--mode engines`` on real readers: same output or not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.command_line import perfbench

from perfbench.datasets import manifest
from perfbench.datasets.generator import files
from perfbench.datasets.generator.recipe import Recipe

UPDATES = 300


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a market and an event, whose cache keeps environments for the whole file; skips without an index."""
    made = tmp_path_factory.mktemp("releases")
    files.write_market(
        Recipe(seed=5, runners=6, updates=UPDATES, bsp=True, in_play=True, removal=True), made / "market"
    )
    files.write_market(Recipe(seed=6, runners=4, updates=UPDATES, markets=3), made / "event")
    done = perfbench("environments", "betfairlightweight==2.12.0", folder=made, timeout=300)
    if done.returncode == 5 and "cannot be reached" in done.stderr:
        pytest.skip("the package index cannot be reached: " + done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return made


def compared(folder: Path, before: str, after: str, *arguments: object) -> tuple[int, str]:
    specs = [side if side == "here" else f"betfairlightweight=={side}" for side in (before, after)]
    done = perfbench(
        *("compare", *specs, "--data", "market", "--rounds", "1", "--quiet", *arguments), folder=folder, timeout=300
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("before", "after", "mode", "told"),
    [
        ("2.11.2", "2.12.0", "full", ["lists every runner of the definition before its first price"]),
        pytest.param(
            "2.12.0",
            "2.12.1",
            "lightweight",
            ["has 0 instead of None where nothing is matched yet"],
            marks=pytest.mark.network_heavy,
        ),
        pytest.param(
            "2.22.1", "2.24.0", "full", ["gives every datetime the time zone UTC"], marks=pytest.mark.network_heavy
        ),
        ("2.5.0", "2.7.0", "lightweight", ["adds the raw update to the book"]),
    ],
)
def test_announced_changes_of_releases_are_named_and_explain_the_whole_difference(
    folder: Path, before: str, after: str, mode: str, told: list[str]
) -> None:
    code, table = compared(folder, before, after, "--mode", mode)
    assert code == 0, table
    assert "known changes" in table
    for reason in told:
        assert reason in table


def test_the_three_modes_of_an_old_release_agree_with_each_other(folder: Path) -> None:
    spec = "betfairlightweight==2.11.2"
    done = perfbench("run", "--env", spec, "--data", "market", "--rounds", "1", "--quiet", folder=folder, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^  (\w+) .*\b(yes|no)$", done.stdout, re.MULTILINE) == [("full", "yes"), ("patched", "yes")]
    assert "betfairlightweight 2.11.2" in done.stdout


@pytest.mark.network_heavy
def test_lightweight_books_do_not_change_between_neighbours_without_an_announcement(folder: Path) -> None:
    code, table = compared(folder, "2.19.1", "2.20.0", "--mode", "lightweight")
    assert code == 0
    assert "known changes" not in table
    assert " yes" in table


def test_a_release_without_generator_streams_is_one_line_and_the_others_go_on(folder: Path) -> None:
    done = perfbench(
        *("compare", "betfairlightweight==2.12.0", "betfairlightweight==1.9.1", "here", "--data", "market"),
        *("--mode", "lightweight", "--rounds", "1", "--quiet"),
        folder=folder,
        timeout=300,
    )
    assert done.returncode == 5
    about = [line for line in done.stdout.splitlines() if line.startswith("!") and "1.9.1" in line and ":" in line]
    assert about
    assert "lightweight here" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


# Other readers -------------------------------------------------------------------------------------------------------


def engines(folder: Path, data: object) -> tuple[int, dict[str, str], str]:
    done = perfbench(
        *("run", "--mode", "engines", "--data", data, "--rounds", "1", "--quiet"), folder=folder, timeout=300
    )
    assert "Traceback" not in done.stdout + done.stderr
    rows = re.findall(r"^[! ] (\w+) .* (yes|no|known changes|floor)$", done.stdout, re.MULTILINE)
    return done.returncode, {name: output.strip() for name, output in rows}, done.stdout


FLOORS = dict.fromkeys(("read_file", "decode_orjson", "decode_msgspec"), "floor")


@pytest.mark.network_heavy
def test_readers_are_checked_by_their_books_and_floor_modes_have_none(folder: Path) -> None:
    code, outputs, table = engines(folder, "event")
    assert code == 6
    assert outputs["flumine_stream"] == "yes"
    assert outputs["betfair_data_bflw"] == "known changes"
    assert outputs["tickrush"] == "no"
    assert outputs.items() >= FLOORS.items()
    assert re.search(r"! tickrush differs at update \d+, \[0\]\.", table)


@pytest.mark.skipif(
    not manifest.is_available(next(known for known in manifest.list_known_files() if known.name == "SELF-1.181223994")),
    reason="perfbench data pull fetches the real files",
)
def test_a_reader_that_finds_nothing_in_a_file_is_wrong_and_not_fast(folder: Path) -> None:
    real = next(known for known in manifest.list_known_files() if known.name == "SELF-1.181223994")
    with manifest.locate_file(real).open("rb") as lines:
        (folder / "recorded").write_bytes(b"".join(next(lines) for _ in range(400)))
    code, outputs, table = engines(folder, "recorded")
    assert code == 6
    assert outputs["betfair_data_files"] == "no"
    assert "! betfair_data_files differs at update 1, amount of work: 400 updates → 0 updates" in table
    assert not re.search(r"betfair_data_files .*\dx", table)
