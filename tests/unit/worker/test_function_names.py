"""What functions are called in a profile: the same in every environment, whatever lines they stand in."""

from __future__ import annotations

import os
import sys
import textwrap
from pathlib import Path

import pytest

from perfbench.worker.function_names import BUILT_IN_FILE, FunctionNamer
from perfbench.worker.profilers.pyinstrument import compute_weight_cap, leave_out_waiting
from perfbench.worker.waiting import WAITING_PATTERN

SOURCE = """
import functools

def cached(function):
    return functools.lru_cache(function)

class Book:
    @property
    @cached
    def prices(self):
        \"\"\"What it costs.\"\"\"
        return [level for level in (1, 2)]

    def other_prices(self):
        return [level for level in (1, 2)]

    def ladder(self):
        def rung(step):
            return step
        return list(map(rung, (1, 2))), (lambda: 3)()

    def also_prices(self):
        \"\"\"The same code.\"\"\"
        return [level for level in (1, 2)]
"""


@pytest.fixture
def names(tmp_path: Path) -> tuple[FunctionNamer, str]:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    path = folder / "strategy.py"
    path.write_text(textwrap.dedent(SOURCE))
    return FunctionNamer(str(tmp_path / "scenario.py")), str(path)


@pytest.mark.parametrize(
    ("line", "name", "qualified"),
    [
        (8, "prices", "Book.prices"),
        (12, "<listcomp>", "Book.prices.<listcomp>"),
        (18, "rung", "Book.ladder.rung"),
        (20, "<lambda>", "Book.ladder.<lambda>"),
        (4, "cached", "cached"),
    ],
)
def test_a_function_is_called_by_its_qualified_name(
    names: tuple[FunctionNamer, str], line: int, name: str, qualified: str
) -> None:
    """The first line of a decorated function is that of its first decorator, as the compiler has it."""
    known, path = names
    found = known.named(path, line, name)
    assert (found.key, found.kind, found.line) == (f"strategy.py:{qualified}", "user", line)


def test_functions_of_the_same_code_have_the_same_shape_and_others_have_not(names: tuple[FunctionNamer, str]) -> None:
    known, path = names
    shapes = {name: known.qualified(path, f"Book.{name}").shape for name in ("prices", "other_prices", "also_prices")}
    assert shapes["other_prices"] == shapes["also_prices"] != shapes["prices"]


def test_name_that_is_not_in_the_source_stays_unchanged(names: tuple[FunctionNamer, str]) -> None:
    known, path = names
    assert known.named(path, 99, "made").key == "strategy.py:made"
    assert known.named("/nowhere/made.py", 1, "made").key == "made.py:made"


def test_functions_are_distinguished_by_their_origin(names: tuple[FunctionNamer, str]) -> None:
    known, _ = names
    library = known.named(pytest.__file__, 1, "main")
    assert (library.kind, library.key) == ("library", "pytest/__init__.py:main")
    standard = known.named(textwrap.__file__, 1, "dedent")
    assert (standard.kind, standard.key) == ("standard", "textwrap.py:dedent")
    assert known.named("<frozen importlib._bootstrap>", 1, "find").kind == "standard"
    own = known.named(sys.modules["perfbench.worker.function_names"].__file__ or "", 1, "x")
    assert (own.kind, own.key) == ("perfbench", "perfbench/worker/function_names.py:x")


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("<method 'get' of 'dict' objects>", "dict.get"),
        ("<built-in method builtins.sorted>", "sorted"),
        ("dict.get", "dict.get"),
    ],
)
def test_built_in_functions_have_one_name_whichever_profiler_names_them(
    names: tuple[FunctionNamer, str], said: str, key: str
) -> None:
    found = names[0].named(BUILT_IN_FILE, 0, said)
    assert (found.key, found.kind) == (key, "built-in")


def test_samples_are_cut_only_where_the_process_did_not_run() -> None:
    """A long call into C takes long in truth: nothing is cut while the CPU seconds bear the weights out."""
    assert compute_weight_cap([0.001] * 100 + [0.05], ran=0.15, least=0.003) == float("inf")


def test_samples_are_cut_so_that_their_sum_is_what_the_process_ran() -> None:
    weights = [0.001] * 100 + [0.5, 0.4]
    cap = compute_weight_cap(weights, ran=0.15, least=0.003)
    assert sum(min(weight, cap) for weight in weights) == pytest.approx(0.15)


def test_waiting_is_left_out_before_anything_else() -> None:
    """As of a thread that takes from a queue: it waits a little for each item, never as long as a sample that would be capped."""
    work, wait = (("control.py", 1, "process_event"),), (("threading.py", 2, "wait"), ("<built-in>", 0, "lock.acquire"))
    other = (("<built-in>", 0, "list.append"),)
    samples = [(work, 0.001), (wait, 0.002), (other, 0.001)] * 100
    weights = leave_out_waiting(samples, ran=0.2, least=0.003)
    assert weights == pytest.approx([0.001, 0.0, 0.001] * 100)
    assert sum(leave_out_waiting(samples, ran=0.1, least=0.003)) == pytest.approx(0.1)
    assert leave_out_waiting(samples, ran=0.4, least=0.003) == [seconds for _, seconds in samples]


@pytest.mark.parametrize(
    ("name", "waits"),
    [
        ("lock.acquire", True),
        ("SimpleQueue.get", True),
        ("_ThreadHandle.join", True),
        ("<method 'get' of '_queue.SimpleQueue' objects>", True),
        ("dict.get", False),
        ("str.join", False),
        ("<method 'join' of 'str' objects>", False),
    ],
)
def test_functions_that_may_wait_are_known_by_name(name: str, waits: bool) -> None:
    assert bool(WAITING_PATTERN.search(name)) is waits


def test_no_sample_is_cut_below_three_intervals() -> None:
    assert compute_weight_cap([0.001] * 100 + [0.5], ran=0.05, least=0.003) == 0.003


def test_a_shipped_scenario_of_an_installed_perfbench_is_a_scenario() -> None:
    """In a wheel the shipped scenarios lie inside the package."""
    from perfbench.worker.function_names import PACKAGE_DIRECTORY

    shipped = Path(PACKAGE_DIRECTORY) / "bundled" / "scenarios"
    found = FunctionNamer(str(shipped / "backtest.py")).named(str(shipped / "_shared.py"), 1, "made")
    assert (found.kind, found.key) == ("scenario", "_shared.py:made")


def test_function_of_the_kit_belongs_to_the_scenario_and_is_counted() -> None:
    from perfbench.worker.function_names import PACKAGE_DIRECTORY

    namer = FunctionNamer("/elsewhere/backtest.py")
    found = [namer.named(str(Path(PACKAGE_DIRECTORY) / file), 1, "made") for file in ("kit/bflw.py", "worker/files.py")]
    assert [(one.kind, one.key) for one in found] == [
        ("scenario", "perfbench/kit/bflw.py:made"),
        ("perfbench", "perfbench/worker/files.py:made"),
    ]


def test_files_in_the_folder_of_a_program_are_the_users_and_installed_ones_are_not(tmp_path: Path) -> None:
    (tmp_path / "backtest.py").write_text("import flumine\n")
    namer = FunctionNamer(f"{tmp_path / 'backtest.py'}:run")
    cases = {
        "backtest.py": ("user", "backtest.py:run"),
        "lib/rules.py": ("user", "lib/rules.py:run"),
        ".venv/lib/python3.11/site-packages/flumine/x.py": ("user", "x.py:run"),
    }
    for file, (kind, key) in cases.items():
        named = namer.named(str(tmp_path / file), 1, "run")
        assert (named.kind, named.key) == (kind, key)
    assert namer.named(os.__file__, 1, "run").kind == "standard"


def test_program_above_the_interpreter_and_perfbench_does_not_own_them(tmp_path: Path) -> None:
    from perfbench.worker.function_names import PACKAGE_DIRECTORY

    root = Path(PACKAGE_DIRECTORY).parent
    namer = FunctionNamer(f"{root / 'backtest.py'}:run")
    assert namer.named(str(root / "tests" / "rules.py"), 1, "run").kind == "user"
    assert namer.named(str(Path(PACKAGE_DIRECTORY) / "kit" / "program" / "results.py"), 1, "run").kind == "scenario"
    assert namer.named(str(Path(PACKAGE_DIRECTORY) / "worker" / "server.py"), 1, "run").kind == "perfbench"
