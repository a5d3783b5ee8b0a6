"""Options from the command line, variables and files: one grammar, and errors that name the place of a value."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.command_line import HERE, SCENARIOS, one_line, perfbench, variables

from perfbench.results import storage

GOLDEN = HERE / "data" / "golden"
COMMON = ("run", "parameters", "--scenarios", SCENARIOS, "--rounds", "1", "--quiet")


def refused(*arguments: object, folder: Path, env: dict[str, str] | None = None, code: int = 2) -> str:
    done = perfbench(*arguments, folder=folder, env=env)
    assert done.returncode == code, done.stderr
    assert not done.stdout
    return one_line(done.stderr)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("run", "--max-time", "soon"), "--max-time soon: not a duration\nhint: write 20ms, 1.5s or 2m"),
        (("run", "--rounds", "0"), "--rounds 0: not a whole number from 1\nhint: write a whole number from 1"),
        (("run", "--rounds=many"), "--rounds many: not a whole number from 1"),
        (("run", "--color", "red"), "--color red: not one of auto, always, never"),
        (("run", "--nosuch"), "perfbench run has no option `--nosuch`\nhint: see perfbench run --help"),
        (("run", "--mod", "x"), "perfbench run has no option `--mod`; did you mean `--mode`?"),
        (("run", "--save"), "option '--save' requires an argument"),
        (("rum",), "no command `rum`; did you mean `run`?"),
        (("gate", "--threshold", "5"), "--threshold 5: not a share\nhint: write a share such as 5% or 0.05"),
        (("run", "--mode", "a,,b"), "--mode a,,b: an item is empty"),
        (("exchange", "--rtt", "20"), "--rtt 20: a duration needs a unit\nhint: write 20ms or 20s"),
        (("exchange", "--unhealthy", "20s..10s"), "--unhealthy 20s..10s: ends before it begins"),
        (("data", "generate", "x", "--runners", "few"), "--runners few: not a whole number"),
        (
            ("exchange", "--rtt", "20s"),
            "--rtt 20s: longer than the exchange waits for an answer\nhint: write 4s or less",
        ),
        (("run", "./nosuch.py"), "./nosuch.py: no such file\nhint: name a .py file"),
        (("run", "nosuch"), "no scenario `nosuch`\nhint: run `perfbench scenarios` to list them"),
        (("compare", "a=2", "here"), "`a=2` has no operator\nhint: did you mean a==2?"),
        (("compare", "a;b", "here"), "`a;b` is neither name==version, a path nor a git URL\nhint: write betfair"),
        (("gate", "--budget", "peak=200"), "--budget peak 200: not a size\nhint: write a size such as 200MB"),
    ],
)
def test_wrong_option_is_a_cause_and_a_hint(tmp_path: Path, arguments: Sequence[str], text: str) -> None:
    assert text in refused(*arguments, folder=tmp_path)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ('[run]\nrounds = "many"\n', "perfbench.toml, [run] rounds = many: not a whole number from 1"),
        ("[run]\nrounds = true\n", "perfbench.toml, [run] rounds: not a single value"),
        ('[run]\nmax-time = "soon"\n', "perfbench.toml, [run] max-time = soon: not a duration"),
        ("[run]\nprecision = 5\n", "perfbench.toml, [run] precision = 5: not a share"),
        ('[run]\nquick = "perhaps"\n', "perfbench.toml, [run] quick = perhaps: not true or false"),
        ("[run]\ndata = [1, {a = 2}]\n", "perfbench.toml, [run] data: not a list of texts"),
        ('[run]\nset = "window"\n', "perfbench.toml, [run] set = window: not an assignment"),
        ('[run]\nmode = "nosuch"\n', "no mode `nosuch`; there are fast, slow (perfbench.toml, [run] mode)"),
        ('[run]\nexport = "nosuch=x"\n', "perfbench.toml, [run] export = nosuch=x: no format `nosuch`"),
        ('[run]\nronds = "3"\n', "perfbench.toml: [run] has no `ronds`; did you mean `rounds`?"),
        ("run = 3\n", "perfbench.toml: `run` is not a section\nhint: write [run]"),
        ("environments = 3\n", "perfbench.toml, [environments]: not an environment spec"),
        ("[environments]\nthen = 3\n", "perfbench.toml, [environments] then: not an environment spec"),
        ("tool = {perfbench = 3}\n", "perfbench.toml: tool.perfbench is not a table"),
    ],
)
def test_wrong_value_in_the_configuration_names_file_section_and_key(tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / "perfbench.toml").write_text(file)
    assert text in refused("run", "parameters", "--scenarios", SCENARIOS, folder=tmp_path)


def test_wrong_value_in_a_subcommand_and_in_pyproject_names_the_whole_section(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.perfbench.data.generate]\nrunners = 'few'\n")
    text = "pyproject.toml, [tool.perfbench.data.generate] runners = few: not a whole number"
    assert text in refused("data", "generate", "x", folder=tmp_path)


def test_wrong_value_in_a_variable_names_the_variable(tmp_path: Path) -> None:
    def said(variable: str, value: str) -> str:
        return refused("run", "parameters", "--scenarios", SCENARIOS, folder=tmp_path, env={variable: value})

    assert "PERFBENCH_RUN_ROUNDS=many: not a whole number" in said("PERFBENCH_RUN_ROUNDS", "many")
    assert "no mode `a b`; there are fast, slow (PERFBENCH_RUN_MODE)" in said("PERFBENCH_RUN_MODE", "a b")
    assert "PERFBENCH_RUN_SET=b: not an assignment" in said("PERFBENCH_RUN_SET", "b")


def test_flag_overrides_a_wrong_value_elsewhere_and_is_named_itself(tmp_path: Path) -> None:
    (tmp_path / "perfbench.toml").write_text('[run]\nset = "wrong"\n')
    text = refused("run", "--set", "wrong", folder=tmp_path, env={"PERFBENCH_RUN_SET": "wrong"})
    assert text.startswith("perfbench: --set wrong: not an assignment")


def test_variable_that_sets_nothing_is_named(tmp_path: Path) -> None:
    done = perfbench("run", "nosuch", folder=tmp_path, env={"PERFBENCH_RUN_MOED": "full"})
    assert "warning: PERFBENCH_RUN_MOED sets no option; did you mean `PERFBENCH_RUN_MODE`?" in done.stderr


def test_one_text_in_a_file_is_a_list_of_one_and_commas_separate_everywhere(tmp_path: Path) -> None:
    def modes(*arguments: str, **variables: str) -> list[str]:
        done = perfbench(*COMMON, *arguments, folder=tmp_path, env=variables)
        assert done.returncode == 0, done.stderr
        return [
            line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ") and line.split()[0] in known
        ]

    known = ("slow", "fast")
    assert modes("--mode", "slow,fast") == modes("--mode", "slow", "--mode", "fast") == ["slow", "fast"]
    assert modes(PERFBENCH_RUN_MODE="slow,fast") == modes(PERFBENCH_RUN_MODE="slow\nfast\n") == ["slow", "fast"]
    for text in ('mode = "slow"\n', 'mode = ["slow"]\n'):
        (tmp_path / "perfbench.toml").write_text(f"[run]\n{text}")
        assert modes() == ["slow"]
    (tmp_path / "perfbench.toml").write_text('[run]\nmode = "slow,fast"\n')
    assert modes() == ["slow", "fast"]


def test_variable_with_blanks_is_one_value(tmp_path: Path) -> None:
    (tmp_path / "text.py").write_text(
        '"""Which text comes here?"""\nfrom perfbench import Work, mode\n\n\n'
        "@mode(baseline=True)\ndef one(*, text: str = ''):\n    return Work(1, output=[text])\n"
    )
    done = perfbench("run", "text.py", "--rounds", "1", folder=tmp_path, env={"PERFBENCH_RUN_SET": "text=a b"})
    assert done.returncode == 0, done.stderr
    assert "text a b" in done.stdout
    spec = "here python==3"
    text = refused("run", "text.py", folder=tmp_path, env={"PERFBENCH_RUN_ENV": spec}, code=2)
    assert spec in text


def test_configuration_may_be_named_after_the_command_and_have_any_file_name(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[tool.perfbench.run]\nrounds = "many"\n')
    for arguments in (("run", "--config", "mine.toml"), ("--config=mine.toml", "run"), ("run", "--config=mine.toml")):
        text = refused(*arguments, folder=tmp_path)
        assert "mine.toml, [tool.perfbench.run] rounds = many: not a whole number" in text
    assert "nosuch.toml cannot be read" in refused("run", "--config", "nosuch.toml", folder=tmp_path)


@pytest.mark.parametrize(
    "command",
    [("run",), ("compare", "here", "./base"), ("gate", "--before", "./base"), ("exchange",), ("profile",)],
)
def test_files_that_a_shell_put_after_data_are_refused_with_the_remedy(tmp_path: Path, command: Sequence[str]) -> None:
    for name in ("m1", "m2", "m3"):
        (tmp_path / name).touch()
    for data in (("--data", "m1", "m2", "m3"), ("--data=m1", "m2")):
        text = refused(*command, *data, folder=tmp_path)
        assert "m2 follows the value of --data, which takes one\nhint: repeat --data for each file" in text


@pytest.mark.parametrize("arguments", [("run", "--help"), ("scenarios", "--scenarios", str(SCENARIOS))])
def test_reader_that_is_gone_is_no_error(tmp_path: Path, arguments: Sequence[str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "perfbench", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=variables(tmp_path),
        cwd=tmp_path,
    )
    assert process.stdout is not None
    process.stdout.close()
    _, complaint = process.communicate(timeout=60)
    assert process.returncode in (0, 5)  # 5: some of these scenarios are broken
    assert b"Broken pipe" not in complaint
    assert b"Traceback" not in complaint


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_output_in_a_poor_encoding_has_substitutes_and_the_exit_code_of_the_command(
    tmp_path: Path, encoding: str
) -> None:
    arguments = ("show", GOLDEN / "run-schema-1.json", "--export", "markdown=table.md")
    usual = perfbench(*arguments, folder=tmp_path)
    expected = (tmp_path / "table.md").read_bytes()
    command = [sys.executable, "-m", "perfbench", *map(str, arguments)]
    environment = variables(tmp_path, PYTHONIOENCODING=encoding)
    done = subprocess.run(command, capture_output=True, env=environment, cwd=tmp_path, check=False)
    assert done.returncode == usual.returncode, done.stderr
    assert b"Traceback" not in done.stderr
    assert "->" in done.stdout.decode(encoding)
    assert (tmp_path / "table.md").read_bytes() == expected


def test_smoke_run_of_a_scenario_without_small_parameters_replays_the_first_lines(tmp_path: Path) -> None:
    (tmp_path / "lines.py").write_text(
        '"""How many lines are there?"""\nfrom perfbench import Work, mode\n\n\n'
        "def count(market):\n    with open(market) as lines:\n        return Work(sum(1 for _ in lines), seconds=1.0)\n\n\n"
        "@mode(baseline=True)\ndef one(market: str):\n    return count(market)\n\n\n"
        "@mode\ndef two(market: str):\n    return count(market)\n"
    )
    done = perfbench("data", "generate", "m", "--updates", "2100", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    done = perfbench("run", "lines.py", "--data", "m", "--quick", "--save", "smoke", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    run = storage.load_run(tmp_path / "results" / "smoke.json")
    assert [(market.name, market.updates) for market in run.data] == [("m:2000", 2000)]
    for measurement in run.measurements:
        assert measurement.case.data == "m:2000"
        assert {sample.work for sample in measurement.samples} == {2000}
        kinds = [sample.kind for sample in measurement.samples]
        assert kinds.count("memory") <= 1
        assert kinds.count("alone") <= 1
        assert kinds.count("duet") in (1, 2)  # the second round only if there is time for it
