"""Specs of programs, and what distinguishes a program from a scenario file."""

from __future__ import annotations

from pathlib import Path

import pytest

from perfbench.worker.program_spec import ProgramSpec, find_program, is_scenario_source, parse_program_spec


@pytest.mark.parametrize(
    ("text", "spec", "name"),
    [
        ("backtest.py", ProgramSpec("backtest.py"), "backtest"),
        ("mine/backtest.py:run", ProgramSpec("mine/backtest.py", "run"), "backtest:run"),
        ("/a:b/backtest.py:run_all", ProgramSpec("/a:b/backtest.py", "run_all"), "backtest:run_all"),
        ("/a:b/backtest.py", ProgramSpec("/a:b/backtest.py"), "backtest"),
    ],
)
def test_script_and_function_are_parsed_and_written_alike(text: str, spec: ProgramSpec, name: str) -> None:
    assert parse_program_spec(text) == spec
    assert (spec.text, spec.name) == (text, name)


@pytest.mark.parametrize(
    "text", ["replay", "backtest.py:", "backtest.py:no function", "backtest.txt:run", "run.py.txt", ""]
)
def test_text_that_names_no_python_file_or_function_is_no_program(text: str) -> None:
    assert parse_program_spec(text) is None


@pytest.mark.parametrize(
    ("source", "is_scenario"),
    [
        ("from perfbench import mode", True),
        ("import perfbench", True),
        ("from perfbench.worker.scenario_api import mode as m", True),
        ("if True:\n    from perfbench import Work", True),
        ("from perfbench.kit.strategies import BestPrice", False),
        ("import perfbenchmarks\nfrom . import perfbench", False),
        ("'from perfbench import mode'", False),
        ("import flumine", False),
        ("def broken(:", False),
        ("\0", False),
    ],
)
def test_file_is_a_scenario_if_it_imports_what_scenarios_are_made_of(source: str, is_scenario: bool) -> None:
    assert is_scenario_source(source.encode()) == is_scenario


@pytest.mark.parametrize("line", ["from perfbench import mode", "import perfbench"])
def test_scenario_with_a_syntax_error_stays_a_scenario(line: str) -> None:
    assert is_scenario_source(f"{line}\n\n(\n".encode())
    assert not is_scenario_source(b"import flumine\n\n(\n")


def test_program_is_found_by_the_content_of_its_file(tmp_path: Path) -> None:
    scenario, program = tmp_path / "scenario.py", tmp_path / "program.py"
    scenario.write_text("from perfbench import mode\n")
    program.write_text("import flumine\n")
    assert find_program(str(scenario)) is None
    assert find_program(str(program)) == ProgramSpec(str(program))
    assert find_program(str(tmp_path / "absent.py")) is None
    assert find_program(f"{tmp_path / 'absent.py'}:run") == ProgramSpec(str(tmp_path / "absent.py"), "run")
