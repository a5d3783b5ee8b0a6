"""``perfbench runs``: saved runs are listed newest first, and removed by name with all that belongs to them."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from support.command_line import HERE, one_line, perfbench, variables
from support.runs import measurement, run

from perfbench.cli import saved_documents
from perfbench.model import Run
from perfbench.results.journal import Journal
from perfbench.results.storage import load_run

KEPT = HERE.parent / "results"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose results are copies of runs of every kind."""
    (tmp_path / "results").mkdir()
    for name in ("headline", "corpus", "sweep", "engines", "calibration", "calibration-against", "calibration-slower"):
        shutil.copy(KEPT / f"reference-{name}.json", tmp_path / "results")
    shutil.copy(KEPT / "reference-blame.profile.json", tmp_path / "results")
    return tmp_path


def listed(done: subprocess.CompletedProcess[str]) -> list[list[str]]:
    """The cells of every row of the list."""
    assert done.returncode == 0, done.stderr
    heads, *lines = done.stdout.splitlines()
    assert heads.split() == ["name", "date", "(UTC)", "verdict", "size", "command", "what", "was", "compared"]
    places = [heads.index(head) for head in ("name", "date", "verdict", "size", "command", "what")]
    rows = [line for line in lines if line.startswith("reference-")]
    ends = [*places[1:], None]
    return [[row[start:end].strip() for start, end in zip(places, ends, strict=True)] for row in rows]


def test_every_kind_of_run_is_listed_newest_first_with_its_verdict(folder: Path) -> None:
    done = perfbench("runs", folder=folder)
    rows = {row[0].removeprefix("reference-"): row for row in listed(done)}
    assert list(rows) == ["corpus", "blame", "calibration-slower", "calibration", "engines", "headline", "sweep"]
    dates = [row[1] for row in rows.values()]
    assert dates == sorted(dates, reverse=True)
    assert rows["corpus"][2:] == [
        "3.1x slower ▼", "551.7 kB", "run", "replay · lightweight, full · my-archive.tar (500 files)",
    ]  # fmt: skip
    assert rows["headline"][2] == "11 ▲ 1 ?"
    assert rows["headline"][4:] == [
        "compare",
        "replay · lightweight, full, patched · betfairlightweight 2.11.2 → 2.12.0 · PRO-1.170258213, SELF-1.181223994, 1.200806927",
    ]
    assert rows["engines"][2].startswith("outputs differ, ")
    assert rows["sweep"][2:] == [
        "8 ▲ 2 ▼ of 94 steps",
        "1.6 MB",
        "sweep",
        "replay · lightweight, patched · betfairlightweight 2.10.0 → 2.24.0 · PRO-1.170258213-first-4000",
    ]
    assert (rows["blame"][2], rows["blame"][4]) == ("", "profile")
    assert (rows["calibration"][2], rows["calibration"][4]) == ("", "calibrate")
    assert "7 saved runs, " in done.stdout
    assert "▲ faster, ▼ slower, = unchanged, ? inconclusive" in done.stdout


def test_verdicts_come_from_the_cache_until_a_file_changes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = perfbench("runs", folder=folder)
    loaded: list[str] = []

    def load_and_note(path: Path) -> Run:
        loaded.append(path.name)
        return load_run(path)

    monkeypatch.setattr(saved_documents, "load_run", load_and_note)
    assert perfbench("runs", folder=folder).stdout == first.stdout
    assert loaded == []
    path = folder / "results" / "reference-headline.json"
    document = json.loads(path.read_text())
    document["finished"] = False
    path.write_text(json.dumps(document))
    rows = {row[0]: row for row in listed(perfbench("runs", folder=folder))}
    assert loaded == ["reference-headline.json"]
    assert rows["reference-headline"][2] == "unfinished, 11 ▲ 1 ?"


def test_list_with_cached_verdicts_loads_no_numpy(folder: Path) -> None:
    perfbench("runs", folder=folder)
    code = (
        "import sys; sys.argv = ['perfbench', 'runs']\n"
        "from perfbench.__main__ import main\ntry:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('IMPORTED', *(m for m in ('numpy', 'pandas', 'pyarrow', 'matplotlib') if m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, env=variables(folder), check=True
    )
    assert done.stdout.rstrip().endswith("IMPORTED")
    assert "11 ▲ 1 ?" in done.stdout


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_list_fits_the_terminal_and_keeps_names_whole(folder: Path, width: int) -> None:
    done = perfbench("runs", folder=folder, env={"COLUMNS": str(width)})
    assert max(map(len, done.stdout.splitlines())) <= width
    for name in ("reference-corpus", "reference-calibration-slower", "reference-headline"):
        assert any(line.split()[:1] == [name] for line in done.stdout.splitlines()), name
    assert "11 ▲ 1 ?" in done.stdout
    assert "my-archive.tar" in done.stdout


@pytest.mark.parametrize("make", [True, False], ids=["empty", "missing"])
def test_folder_without_runs_is_a_line_and_a_hint(tmp_path: Path, make: bool) -> None:
    if make:
        (tmp_path / "results").mkdir()
    done = perfbench("runs", folder=tmp_path)
    assert done.returncode == 0
    assert one_line(done.stdout) == (
        "no saved runs in results\nhint: measure one with `perfbench run`, or name another folder with --results"
    )


@pytest.mark.parametrize("command", [("runs",), ("report",)])
def test_named_folder_that_is_missing_is_an_error_as_in_other_commands(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    named = ("--results", "nowhere") if command == ("runs",) else ("nowhere",)
    done = perfbench(*command, *named, folder=tmp_path)
    assert done.returncode == 5
    assert done.stdout == ""
    first, second = done.stderr.splitlines()[-2:]
    assert first.startswith("perfbench: ")
    assert "nowhere" in first
    assert second == "hint: name a folder of saved runs"


def test_broken_files_are_named_in_one_line_and_the_others_listed(folder: Path) -> None:
    results = folder / "results"
    (results / "cut.json").write_bytes((results / "reference-headline.json").read_bytes()[:5000])
    (results / "notes.json").write_text('{"hello": 1}')
    document = json.loads((results / "reference-headline.json").read_text())
    document["measurements"][0]["samples"][0]["metrics"]["cpu_seconds"] = -1
    (results / "negative.json").write_text(json.dumps(document))
    done = perfbench("runs", folder=folder)
    assert len(listed(done)) == 7
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("! not listed: ")]
    assert "cut.json (damaged or cut off)" in line
    assert "notes.json (not a run saved by perfbench)" in line
    assert "negative.json (is damaged: " in line


def test_interrupted_measurement_is_listed_as_unfinished(tmp_path: Path) -> None:
    made = run([measurement("slow", [], baseline=True), measurement("fast", [])])
    Journal.create(tmp_path / "results", replace(made, id="cut", finished=False)).close()
    done = perfbench("runs", folder=tmp_path)
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("cut ")]
    assert "unfinished" in row
    assert "made_up · slow, fast" in row


def test_hostile_names_are_printable(folder: Path) -> None:
    shutil.copy(KEPT / "reference-live-early.json", folder / "results" / "a\x1b[31m\u202e.json")
    done = perfbench("runs", folder=folder)
    assert r"a\x1b[31m\u202e" in done.stdout
    assert "\x1b" not in done.stdout


# Removal --------------------------------------------------------------------------------------------------------------


def names(folder: Path) -> set[str]:
    return {path.name for path in (folder / "results").iterdir()}


def test_removal_takes_all_files_of_the_names_and_nothing_else(folder: Path) -> None:
    results = folder / "results"
    artefacts = results / "reference-blame"
    artefacts.mkdir()
    (artefacts / "full.html").write_text("x")
    (results / "reference-calibration").mkdir()
    (results / "reference-calibration" / "thesis.txt").write_text("x")
    (results / "reference-blame.svg").write_text("x")
    before = names(folder)
    done = perfbench("runs", "remove", "reference-blame", "reference-calibration", "--yes", folder=folder)
    assert done.returncode == 0, done.stderr
    gone = {
        "reference-blame",
        "reference-blame.profile.json",
        "reference-calibration.json",
        "reference-calibration-against.json",
    }
    assert before - names(folder) == gone
    assert done.stdout.splitlines() == [
        "removed results/reference-blame.profile.json",
        "removed results/reference-blame/ (1 file)",
        "removed results/reference-calibration.json",
        "removed results/reference-calibration-against.json",
    ]
    assert (results / "reference-calibration" / "thesis.txt").exists()


def test_name_of_a_file_is_taken_for_its_run_and_a_name_given_twice_once(folder: Path) -> None:
    done = perfbench("runs", "remove", "reference-corpus.json", "reference-corpus", "--yes", folder=folder)
    assert done.stdout == "removed results/reference-corpus.json\n"


def test_results_folder_may_stand_before_or_after_the_subcommand(folder: Path) -> None:
    (folder / "results").rename(folder / "mine")
    assert perfbench("runs", "--results", "mine", "remove", "reference-corpus", "--yes", folder=folder).returncode == 0
    assert perfbench("runs", "remove", "reference-sweep", "--yes", "--results", "mine", folder=folder).returncode == 0
    assert not {"reference-corpus.json", "reference-sweep.json"} & {path.name for path in (folder / "mine").iterdir()}


def test_unknown_name_removes_nothing_of_the_others(folder: Path) -> None:
    before = names(folder)
    done = perfbench("runs", "remove", "reference-corpus", "reference-headlin", "--yes", folder=folder)
    assert done.returncode == 5
    assert one_line(done.stderr) == (
        "perfbench: reference-headlin: no saved run of that name in results; did you mean `reference-headline`?\n"
        "hint: see perfbench runs"
    )
    assert names(folder) == before


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", ".", "..", "", "a/b", ".hidden"])
def test_path_is_no_name(folder: Path, name: str) -> None:
    (folder / "secret.json").write_text("x")
    done = perfbench("runs", "remove", name, "--yes", folder=folder)
    assert done.returncode == 2
    assert "is a path, not the name of a saved run" in one_line(done.stderr)
    assert (folder / "secret.json").exists()


def test_removal_without_a_terminal_needs_yes(folder: Path) -> None:
    done = perfbench("runs", "remove", "reference-corpus", folder=folder)
    assert done.returncode == 2
    assert one_line(done.stderr) == (
        "perfbench: removing saved runs needs a confirmation, and this is no terminal\nhint: add --yes"
    )
    assert "reference-corpus.json" in names(folder)


@pytest.mark.parametrize(("answer", "removed"), [("y", True), ("n", False), ("", False)])
def test_removal_asks_on_a_terminal_and_names_what_goes(folder: Path, answer: str, removed: bool) -> None:
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "perfbench", "runs", "remove", "reference-corpus"]
    os.write(controller, f"{answer}\n".encode())
    done = subprocess.run(
        command, stdin=terminal, capture_output=True, text=True, cwd=folder, env=variables(folder), check=False
    )
    os.close(terminal)
    os.close(controller)
    assert done.returncode == 0, done.stderr
    assert "  results/reference-corpus.json\nRemove 1 item, 551.7 kB? [y/N]: " in done.stdout
    assert ("reference-corpus.json" not in names(folder)) is removed
    assert ("removed results/reference-corpus.json" in done.stdout) is removed
    assert ("nothing removed" in done.stdout) is not removed
