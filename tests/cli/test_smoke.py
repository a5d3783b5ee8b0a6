"""Every command in a real process, started by the console script: exit code, UTF-8 output, only expected lines on stderr."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest
from support.command_line import HERE, SCENARIOS, variables

CONSOLE_SCRIPT = Path(sysconfig.get_path("scripts")) / "perfbench"
SAVED_RUN = HERE / "data" / "golden" / "run-schema-1.json"
SAVED_PROFILE = HERE.parent / "results" / "reference-blame.profile.json"
PROGRESS = re.compile(r"\d+ s: ")
"""A line that says what a command waits for, every ten seconds: a busy machine is slow enough for one."""

RUN = ("run", "known_times", "--scenarios", SCENARIOS, "--rounds", "1")


def call(*arguments: object, folder: Path) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of the console script; both texts must be valid UTF-8."""
    command = [str(CONSOLE_SCRIPT), *map(str, arguments)]
    done = subprocess.run(
        command,
        capture_output=True,
        cwd=folder,
        env=variables(folder),
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.decode("utf-8", "strict"), done.stderr.decode("utf-8", "strict")


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for commands that save nothing."""
    return tmp_path_factory.mktemp("smoke")


def test_run_prints_its_table_and_saves_and_compare_shows_two_saved_runs(tmp_path: Path) -> None:
    code, table, log = call(*RUN, "--save", "one", folder=tmp_path)
    assert (code, log) == (0, f"saved in {Path('results') / 'one.json'}{os.linesep}")
    assert "known_times · 44,687 updates · 1 round" in table
    shutil.copy(tmp_path / "results" / "one.json", tmp_path / "two.json")
    code, table, log = call("compare", "one", "two.json", folder=tmp_path)
    assert (code, log) == (0, "")
    assert "6.860s → 6.860s" in table
    assert "warning: unpaired" in table


@pytest.mark.parametrize("command", ["gate", "sweep", "calibrate", "exchange"])
def test_help_names_the_command_and_its_options(command: str, workshop: Path) -> None:
    code, text, log = call(command, "--help", folder=workshop)
    assert (code, log) == (0, "")
    assert f"Usage: perfbench {command} [OPTIONS]" in text
    assert "--help" in text


def test_profile_shows_a_saved_profile(workshop: Path) -> None:
    code, text, log = call("profile", "--show", SAVED_PROFILE, folder=workshop)
    assert (code, log) == (0, "")
    assert "betfairlightweight==2.12.0" in text


def test_scenarios_lists_every_shipped_scenario(workshop: Path) -> None:
    code, text, log = call("scenarios", folder=workshop)
    assert code == 0
    assert [line for line in log.splitlines() if not PROGRESS.match(line)] == []
    shipped = [path.stem for path in HERE.parent.glob("scenarios/[!_]*/[!_]*.py")]
    assert "replay" in shipped
    headings = {line.partition(" · ")[0] for line in text.splitlines() if " · " in line}
    assert set(shipped) <= headings


def test_environments_reports_an_empty_cache_in_a_new_folder(tmp_path: Path) -> None:
    assert call("environments", folder=tmp_path) == (0, f"no cached environments{os.linesep}", "")


def test_data_list_names_the_bundled_sample(workshop: Path) -> None:
    code, text, log = call("data", "list", folder=workshop)
    assert (code, log) == (0, "")
    assert text.split()[:3] == ["name", "size", "updates"]
    assert "PRO-1.170258213" in text


def test_doctor_exits_with_5_if_and_only_if_a_check_failed(workshop: Path) -> None:
    code, text, log = call("doctor", folder=workshop)
    assert "check" in text
    failed = any(line.startswith("bad") for line in text.splitlines())
    assert code == (5 if failed else 0)
    assert log.startswith("perfbench: cannot measure on this machine") if failed else not log


def test_show_prints_a_saved_run_and_exits_with_6_for_its_differing_output(workshop: Path) -> None:
    code, text, log = call("show", SAVED_RUN, folder=workshop)
    assert code == 6
    assert log == f'perfbench: not every mode gives the same output (see the lines marked "!"){os.linesep}'
    assert "known_times · 44,687 updates · 9 rounds" in text
    assert any(line.lstrip().startswith("!") for line in text.splitlines())
