"""The command line as a whole: help, version, configuration, what it imports, how it fails."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.command_line import HERE, SCENARIOS, measured, one_line, perfbench, variables

from perfbench.cli.app import GROUPS, LazyCommandGroup
from perfbench.errors import ExitCode

GOLDEN = HERE / "data" / "golden"
COMMANDS = [
    "",
    *LazyCommandGroup.names(),
    "data list",
    "data pull",
    "data check",
    "data describe",
    "data generate",
    "data cut",
    "data generate-corpus",
    "runs remove",
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda name: name or "perfbench")
def test_every_help_is_as_its_golden_file(tmp_path: Path, refresh_golden: bool, command: str) -> None:
    done = perfbench(*command.split(), "--help", folder=tmp_path, env={"COLUMNS": "100"})
    assert done.returncode == 0
    text = "\n".join(line.rstrip() for line in done.stdout.strip().splitlines()) + "\n"
    path = GOLDEN / f"help{'-' if command else ''}{command.replace(' ', '-')}.txt"
    if refresh_golden:
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("columns", [50, 80, 100])
def test_perfbench_alone_says_what_to_type_first_and_is_code_2(
    tmp_path: Path, refresh_golden: bool, columns: int
) -> None:
    done = perfbench(folder=tmp_path, env={"COLUMNS": str(columns)})
    assert done.returncode == 2
    assert done.stderr == ""
    path = GOLDEN / f"front-page-{columns}.txt"
    if refresh_golden:
        path.write_text(done.stdout)
    assert done.stdout == path.read_text()
    assert max(map(len, done.stdout.splitlines())) <= columns
    first = done.stdout.splitlines()[:5]
    assert columns < 80 or all(line.startswith("perfbench ") for line in first)


def test_help_and_front_page_have_the_same_groups(tmp_path: Path) -> None:
    shown = perfbench("--help", folder=tmp_path).stdout
    groups = re.findall(r"^╭─ (\w+) ─", shown, re.MULTILINE)
    assert groups == ["Options", *GROUPS]
    page = perfbench(folder=tmp_path).stdout
    assert re.findall(r"^([A-Z]\w+)$", page, re.MULTILINE) == list(GROUPS)


def test_every_command_has_a_line_in_the_help_and_a_file_of_its_name(tmp_path: Path) -> None:
    shown = perfbench("--help", folder=tmp_path).stdout
    for name in LazyCommandGroup.names():
        assert re.search(rf"^│ {name} ", shown, re.MULTILINE)
    assert not {"utils", "helpers"} & set(LazyCommandGroup.names())


@pytest.mark.parametrize("way", [["-m", "perfbench"], [str(Path(sys.executable).with_name("perfbench"))]])
def test_the_version_both_ways(tmp_path: Path, way: list[str]) -> None:
    command = [sys.executable, *way] if way[0] == "-m" else way
    done = subprocess.run(
        [*command, "--version"], capture_output=True, text=True, env=variables(tmp_path), cwd=tmp_path, check=True
    )
    assert re.fullmatch(r"perfbench \d+\.\d+\.\d+\n", done.stdout)


def test_a_wrong_command_or_option_is_code_2(tmp_path: Path) -> None:
    for arguments in (["runn"], ["run", "--rouds", "2"], ["run", "--rounds", "0"], ["show"]):
        done = perfbench(*arguments, folder=tmp_path)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr


ARGUMENTS = [
    ["--help"],
    ["run", "--help"],
    ["run", "replay", "--mode", "lightweight", "--rounds", "1", "--data", "sample-event", "--quiet"],
    ["show", str(GOLDEN / "run-schema-1.json")],
    ["scenarios"],
    ["data", "list"],
    ["data", "describe", "sample-event"],
    ["doctor"],
]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=lambda arguments: " ".join(arguments[:2]))
def test_no_command_imports_what_it_measures(tmp_path: Path, arguments: list[str]) -> None:
    code = (
        "import sys, atexit\n"
        "sys.argv = ['perfbench', *sys.argv[1:]]\n"
        "atexit.register(lambda: print('IMPORTED', *(m for m in ('betfairlightweight', 'flumine') if m in sys.modules)))\n"
        "from perfbench.__main__ import main\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=variables(tmp_path),
        check=False,
    )
    assert done.stdout.rstrip().endswith("IMPORTED"), done.stdout[-300:] + done.stderr
    assert done.returncode in (0, 6)


def test_the_help_imports_no_command_and_no_numpy(tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['perfbench', '--help']\n"
        "from perfbench.__main__ import main\ntry:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('IMPORTED', *(m for m in sys.modules if m in ('numpy', 'psutil', 'perfbench.cli.commands.run')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.rstrip().endswith("IMPORTED")


# Scenarios -----------------------------------------------------------------------------------------------------------


def test_the_shipped_scenarios_are_listed_with_modes_parameters_and_needs(tmp_path: Path) -> None:
    done = perfbench("scenarios", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "replay · How fast does betfairlightweight replay a market" in done.stdout
    assert re.search(r"^  lightweight \(baseline\) +Books as plain dicts", done.stdout, re.MULTILINE)
    mine = perfbench("scenarios", "parameters", "needs", "--scenarios", SCENARIOS, folder=tmp_path)
    assert "window=10" in mine.stdout
    assert "no-such-package-of-perfbench==1.0 (installed when measured)" in mine.stdout


def test_a_folder_with_broken_scenarios_lists_the_sound_ones_and_names_the_others(tmp_path: Path) -> None:
    done = perfbench("scenarios", "--scenarios", SCENARIOS, folder=tmp_path)
    assert done.returncode == 5
    assert "known_times · Does the table say what was measured?" in done.stdout
    line = one_line(done.stderr)
    for name in ("broken", "exits_at_import", "no_modes", "two_baselines", "unknown_setup"):
        assert f"cannot load scenario {name}: " in line


# Configuration -------------------------------------------------------------------------------------------------------


def test_flag_overrides_variable_which_overrides_file_which_overrides_default(tmp_path: Path) -> None:
    (tmp_path / "perfbench.toml").write_text("[run]\nrounds = 3\nquiet = true\n")
    common = ("run", "known_times", "--scenarios", SCENARIOS)
    assert "· 3 rounds" in perfbench(*common, folder=tmp_path).stdout
    variable = {"PERFBENCH_RUN_ROUNDS": "4"}
    assert "· 4 rounds" in perfbench(*common, folder=tmp_path, env=variable).stdout
    assert "· 5 rounds" in perfbench(*common, "--rounds", "5", folder=tmp_path, env=variable).stdout


def test_an_option_is_called_in_a_file_and_in_a_variable_as_it_is_typed(tmp_path: Path) -> None:
    (tmp_path / "perfbench.toml").write_text(f'[run]\nscenarios = ["{SCENARIOS}"]\nrounds = 2\nset = ["kind=odd"]\n')
    common = ("run", "parameters", "--mode", "slow", "--quiet")
    from_file = perfbench(*common, folder=tmp_path)
    assert "kind odd" in from_file.stdout, from_file.stderr
    (tmp_path / "perfbench.toml").unlink()
    variables = {
        "PERFBENCH_RUN_SCENARIOS": str(SCENARIOS),
        "PERFBENCH_RUN_SET": "kind=odd",
        "PERFBENCH_RUN_ROUNDS": "2",
    }
    assert "kind odd" in perfbench(*common, folder=tmp_path, env=variables).stdout


def test_named_config_file_overrides_the_table_of_pyproject(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.perfbench.run]\nrounds = 3\n[tool.other]\nx = 1\n")
    (tmp_path / "mine.toml").write_text("[run]\nrounds = 2\n")
    common = ("run", "known_times", "--scenarios", SCENARIOS, "--quiet")
    assert "· 3 rounds" in perfbench(*common, folder=tmp_path).stdout
    assert "· 2 rounds" in perfbench("--config", "mine.toml", *common, folder=tmp_path).stdout


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[run]\nronds = 3\n", "perfbench.toml: [run] has no `ronds`; did you mean `rounds`?"),
        ("[rnu]\nrounds = 3\n", "perfbench.toml: `rnu` is not a command of perfbench; did you mean `run`?"),
        ("rounds = 3\n", "perfbench.toml: `rounds` is not a command of perfbench"),
        ("[run\n", "perfbench.toml is not TOML"),
    ],
)
def test_a_mistake_in_the_configuration_is_one_line_and_code_2(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "perfbench.toml").write_text(text)
    done = measured("known_times", folder=tmp_path)
    assert done.returncode == 2
    assert complaint in one_line(done.stderr)


def test_a_configuration_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = perfbench("--config", "gone.toml", "scenarios", folder=tmp_path)
    assert done.returncode == 2
    assert "gone.toml cannot be read: No such file or directory" in one_line(done.stderr)


# Ends ----------------------------------------------------------------------------------------------------------------


def test_exit_codes_are_those_of_the_table() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "DONE": 0,
        "INTERNAL": 1,
        "USAGE": 2,
        "REGRESSED": 3,
        "INCONCLUSIVE": 4,
        "NOT_MEASURED": 5,
        "OUTPUTS_DIFFER": 6,
        "HUNG_UP": 129,
        "INTERRUPTED": 130,
    }


def test_internal_error_has_a_traceback_and_asks_for_a_report(tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['perfbench', 'scenarios']\n"
        "from perfbench.runner import scenarios\n"
        "scenarios.find_scenario_files = lambda folders: 1 / 0\n"
        "from perfbench.__main__ import main\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert "this is a bug; please report it with the lines above" in done.stderr


def test_reader_that_closes_the_pipe_early_is_not_an_error(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "perfbench", "show", str(GOLDEN / "run-schema-1.json"), "--export", "csv=-"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=variables(tmp_path),
        cwd=tmp_path,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    os.read(process.stdout.fileno(), 10)
    process.stdout.close()
    complaint = process.stderr.read().decode()
    process.stderr.close()
    process.wait()
    assert "Traceback" not in complaint
