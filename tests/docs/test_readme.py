"""README.md: every command block runs, every number is that of a kept run, every help block is the real help."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from support.command_line import HERE, perfbench

ROOT = HERE.parent
README = (ROOT / "README.md").read_text()
QUICK = {"COLUMNS": "100"} | {
    f"PERFBENCH_{command}_{option}": "1" for command in ("RUN", "COMPARE", "PROFILE") for option in ("ROUNDS", "QUIET")
}


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def shown(mark: str) -> dict[str, str]:
    found = re.findall(rf"^<!-- {mark}: (\S+) -->\n```text\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return dict(found)


@pytest.mark.parametrize("name", shown("shown"))
def test_tables_are_those_of_saved_runs(tmp_path: Path, name: str) -> None:
    done = perfbench("show", ROOT / "results" / f"{name}.json", folder=tmp_path)
    assert done.returncode == (6 if name == "reference-engines" else 0)
    assert shown("shown")[name] == done.stdout


@pytest.mark.parametrize("name", shown("calibration"))
def test_calibrations_are_those_of_saved_documents(tmp_path: Path, name: str) -> None:
    done = perfbench("calibrate", "--show", ROOT / "results" / f"{name}.json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert shown("calibration")[name] == done.stdout


@pytest.mark.parametrize("name", shown("profile"))
def test_profiles_are_those_of_saved_documents(tmp_path: Path, name: str) -> None:
    done = perfbench("profile", "--show", ROOT / "results" / f"{name}.profile.json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert shown("profile")[name] == done.stdout


@pytest.mark.parametrize("name", shown("verdicts"))
def test_verdicts_are_those_of_saved_runs(tmp_path: Path, name: str) -> None:
    done = perfbench("scenarios", "--verdicts", "--results", ROOT / "results", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert shown("verdicts")[name] == done.stdout


@pytest.mark.parametrize("name", shown("help"))
def test_help_blocks_are_the_real_help(name: str) -> None:
    assert shown("help")[name] == (HERE / "data" / "golden" / f"help-{name}.txt").read_text()


def test_prose_contains_no_measured_numbers() -> None:
    prose = re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL)
    assert not re.findall(r"\d\.\d+(?:s|x)\b|\d+(?:\.\d+)? times|updates a second", prose)


@pytest.mark.slow
def test_commands_of_readme_work_in_order(tmp_path: Path) -> None:
    for block in blocks("python"):
        path = tmp_path / block.partition("\n")[0].removeprefix("# ")
        path.parent.mkdir(exist_ok=True)
        path.write_text(block)
    commands = [line.removeprefix("$ ") for block in blocks("console") for line in block.splitlines()]
    assert len(commands) >= 8
    for command in commands:
        if command == "perfbench data pull":
            continue  # tested with its failures in test_datasets.py
        program, *arguments = shlex.split(command)
        assert program == "perfbench"
        done = perfbench(*arguments, folder=tmp_path, env=QUICK)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert (tmp_path / "table.md").read_text().startswith("**replay · sample")


def test_links_lead_to_files() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_exit_codes_of_the_table_are_those_of_the_code() -> None:
    from perfbench.errors import ExitCode

    listed = {int(code) for cell in re.findall(r"^\| ([\d, ]+) \|", README, re.MULTILINE) for code in cell.split(", ")}
    assert listed == {code.value for code in ExitCode}
