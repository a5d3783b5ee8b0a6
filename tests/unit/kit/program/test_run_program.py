"""Running the user's script or function: arguments, exits, names of modules, and errors in one line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from perfbench.kit.program.errors import describe_error
from perfbench.kit.program.plain_values import convert_to_plain
from perfbench.kit.program.process_state import program_state, settings_restored
from perfbench.kit.program.refusals import forget_refusals, raise_remembered
from perfbench.kit.program.run_program import ProgramRunner, call_with_market
from perfbench.worker.program_spec import ProgramSpec
from perfbench.worker.scenario_api import ProgramError

SCRIPT = """
import json, sys
from helper import NAME
assert __name__ == "__main__" and sys.modules["__main__"].NAME is NAME
with open(sys.argv[1], "w") as file:
    json.dump([sys.argv, __file__, NAME], file)
"""


@pytest.fixture(autouse=True)
def no_refusals() -> Iterator[None]:
    yield
    forget_refusals()


# Functions --------------------------------------------------------------------------------------------------------------


def takes(name: str, annotation: str = "") -> Callable[..., Any]:
    """A function with one required argument, which it returns."""
    scope: dict[str, Any] = {"List": list, "Path": Path}
    exec(f"def run({name}{': ' + annotation if annotation else ''}, stake=2.0):\n    return {name}", scope)
    function: Callable[..., Any] = scope["run"]
    return function


@pytest.mark.parametrize(
    ("function", "value"),
    [
        (takes("market"), "1.5"),
        (takes("path"), "1.5"),
        (takes("markets"), ["1.5"]),
        (takes("paths", "str"), "1.5"),
        (takes("file", "List[str]"), ["1.5"]),
        (takes("file", "'Sequence[str]'"), ["1.5"]),
        (takes("file", "Path"), Path("1.5")),
        (takes("files", "List[Path]"), [Path("1.5")]),
        (lambda: "nothing", "nothing"),
        (lambda *markets, **options: [*markets, *options], []),
        (lambda market=None: market, None),
    ],
)
def test_function_gets_the_market_that_it_requires_as_it_expects_it(
    function: Callable[..., Any], value: object
) -> None:
    assert call_with_market(function, "1.5") == value


def test_required_keyword_gets_the_market() -> None:
    def run(*, market: str) -> str:
        return market

    assert call_with_market(run, "1.5") == "1.5"


def test_missing_market_and_too_many_arguments_are_errors() -> None:
    def run(market: str, stake: float) -> None:
        """Requires more than perfbench has."""

    with pytest.raises(ProgramError, match="`run` requires 2 arguments: market, stake"):
        call_with_market(run, "1.5")
    with pytest.raises(ProgramError, match=r"`run` requires a market \(name market files with --data\)"):
        call_with_market(takes("market"), None)


# Scripts ----------------------------------------------------------------------------------------------------------------


def write_program(folder: Path, text: str, name: str = "program.py") -> ProgramSpec:
    (folder / name).write_text(text)
    return ProgramSpec(str(folder / name))


def run_script(spec: ProgramSpec, *arguments: str) -> Any:
    runner = ProgramRunner(spec)
    with program_state(spec.path, arguments), settings_restored():
        runner.load()
        return runner.run(None)


def test_script_runs_as_main_with_its_arguments_and_modules_beside_it(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("NAME = 'first'\n")
    spec = write_program(tmp_path, SCRIPT)
    before = sys.argv, list(sys.path), sys.modules["__main__"]
    target = tmp_path / "written"
    run_script(spec, str(target), "--fast")
    assert f'[["{spec.path}", "{target}", "--fast"], "{spec.path}", "first"]' == target.read_text()
    (tmp_path / "helper.py").write_text("NAME = 'other'\n")
    run_script(spec, str(target))
    assert "other" in target.read_text()
    assert (sys.argv, sys.path, sys.modules["__main__"]) == before


@pytest.mark.parametrize(
    ("code", "message"),
    [("3", "ended with exit code 3"), ("'no data'", "ended with exit code 1: no data"), ("0", ""), ("", "")],
)
def test_exit_of_a_script_is_its_end_or_an_error(tmp_path: Path, code: str, message: str) -> None:
    spec = write_program(tmp_path, f"import sys\nsys.exit({code})")
    if not message:
        assert run_script(spec) is None
        return
    with pytest.raises(ProgramError) as failed:
        run_script(spec)
    assert str(failed.value) == message


@pytest.mark.parametrize(
    "text",
    [
        "input('?')",
        "import sys\nsys.stdin.read()",
        "import sys\nlist(sys.stdin)",
        "import sys\nsys.stdin.buffer.readline()",
    ],
)
def test_input_is_refused_even_if_the_script_catches_the_error(tmp_path: Path, text: str) -> None:
    spec = write_program(tmp_path, f"try:\n    exec({text!r})\nexcept Exception:\n    pass")
    run_script(spec)
    with pytest.raises(ProgramError, match="asks for input"):
        raise_remembered()


def test_function_of_a_module_can_be_sent_to_a_forked_process(tmp_path: Path) -> None:
    spec = write_program(
        tmp_path, "def run():\n    return double\n\ndef double(n):\n    return 2 * n\n", "sent_to_child.py"
    )
    runner = ProgramRunner(ProgramSpec(spec.path, "run"))
    with program_state(spec.path, ()):
        runner.load()
        with ProcessPoolExecutor(1, get_context("fork")) as pool:
            assert pool.submit(runner.run(None), 21).result() == 42


def test_module_whose_name_is_taken_is_imported_under_another(tmp_path: Path) -> None:
    spec = write_program(tmp_path, "import json\n\ndef run():\n    return json.dumps([1])\n", "csv.py")
    runner = ProgramRunner(ProgramSpec(spec.path, "run"))
    with program_state(spec.path, ()):
        runner.load()
        assert runner.run(None) == "[1]"
    assert hasattr(sys.modules["csv"], "reader")


# State ------------------------------------------------------------------------------------------------------------------


def test_settings_of_the_process_are_restored(tmp_path: Path) -> None:
    import gc
    import logging
    import os

    log = tmp_path / "log"
    before = gc.get_threshold(), gc.isenabled(), dict(os.environ), list(logging.getLogger().handlers)
    with settings_restored():
        gc.disable()
        gc.set_threshold(5)
        os.environ["PERFBENCH_TEST"] = "1"
        logging.getLogger().addHandler(logging.FileHandler(log))
        logging.getLogger("made_up.restored").setLevel(logging.DEBUG)
        logging.disable(logging.INFO)
    assert (gc.get_threshold(), gc.isenabled(), dict(os.environ), logging.getLogger().handlers) == before
    assert logging.getLogger("made_up.restored").level == logging.NOTSET
    assert logging.getLogger().manager.disable == logging.NOTSET


# Errors -----------------------------------------------------------------------------------------------------------------


def catch(function: Callable[[], Any]) -> BaseException:
    with pytest.raises(BaseException) as failed:  # noqa: PT011 - any error
        function()
    return failed.value


def test_error_is_shown_with_the_last_place_in_the_folder_of_the_program(tmp_path: Path) -> None:
    spec = write_program(tmp_path, "import json\n\njson.loads('{')\n")
    error = describe_error(catch(lambda: run_script(spec)), str(tmp_path), 5000)
    assert str(error).startswith("JSONDecodeError: Expecting property name enclosed in double quotes: ")
    assert str(error).endswith(f"at {tmp_path.name}/program.py:3, update 5,000")


def test_error_elsewhere_is_shown_with_its_own_place(tmp_path: Path) -> None:
    error = describe_error(catch(lambda: int("x")), str(tmp_path))
    assert "test_run_program.py:" in str(error)


def test_syntax_error_of_an_own_module_is_shown_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "half_written.py").write_text("a = 1\ndef x(:\n")
    spec = write_program(tmp_path, "import half_written\n")
    error = describe_error(catch(lambda: run_script(spec)), str(tmp_path))
    assert str(error).startswith("SyntaxError: ")
    assert str(error).endswith(f"at {tmp_path.name}/half_written.py:2")


def test_missing_package_is_named_and_a_missing_part_of_an_own_one_is_an_error(tmp_path: Path) -> None:
    for module in ("nobodys_package.part", "nobodys_package"):
        spec = write_program(tmp_path, f"import {module}\n")
        error = describe_error(catch(partial(run_script, spec)), str(tmp_path))
        assert error.cause == "needs the package `nobodys_package`, which this environment lacks"
        assert "PEP 723" in error.hint
    (tmp_path / "own_package").mkdir()
    (tmp_path / "own_package" / "__init__.py").write_text("")
    spec = write_program(tmp_path, "import own_package.absent\n")
    error = describe_error(catch(lambda: run_script(spec)), str(tmp_path))
    assert error.cause.startswith("ModuleNotFoundError: No module named 'own_package.absent'")


# Items ------------------------------------------------------------------------------------------------------------------


class Thing:
    """An object whose text has its address."""


def test_items_become_plain_values() -> None:
    import datetime
    from dataclasses import dataclass

    @dataclass
    class Bet:
        price: float
        when: datetime.datetime

    bet = Bet(2.5, datetime.datetime(2020, 1, 2))
    assert convert_to_plain({1: (bet, {3, 1}, None)}) == {
        "1": [{"price": 2.5, "when": "2020-01-02T00:00:00"}, [1, 3], None]
    }
    assert " at 0x" not in convert_to_plain(Thing())
    loop: list[Any] = []
    loop.append(loop)
    assert convert_to_plain(loop)
