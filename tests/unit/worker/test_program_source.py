"""The source of a program: its function, its documentation, its own modules."""

from __future__ import annotations

from pathlib import Path

import pytest

from perfbench.worker.program_source import ProgramSource
from perfbench.worker.program_spec import ProgramSpec
from perfbench.worker.scenario_api import ProgramError

SOURCE = '''"""A backtest.

More about it.
"""
from elsewhere import simulate
if True:
    def run(market, stake=2.0):
        """Run it on a market."""

def run_all(): pass
def takes_keyword(*, market): pass
def takes_nothing(*markets, stake=1): pass
prepared = lambda: 1
class Backtest:
    def inner(self): pass
'''


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "backtest.py"
    made.write_text(SOURCE)
    return made


@pytest.mark.parametrize(
    ("function", "doc", "needs_market"),
    [
        ("", "A backtest.", False),
        ("run", "Run it on a market.", True),
        ("run_all", "A backtest.", False),
        ("takes_keyword", "A backtest.", True),
        ("takes_nothing", "A backtest.", False),
        ("prepared", "A backtest.", False),
        ("simulate", "A backtest.", False),
        ("Backtest", "A backtest.", False),
    ],
)
def test_function_of_a_program_shows_its_doc_and_whether_it_needs_a_market(
    path: Path, function: str, doc: str, needs_market: bool
) -> None:
    source = ProgramSource(ProgramSpec(str(path), function))
    assert (source.doc, source.needs_market) == (doc, needs_market)


@pytest.mark.parametrize(
    ("function", "hint"),
    [("runs", "did you mean `run`?"), ("inner", "it has `run`, `run_all`, `takes_keyword`, `takes_nothing`")],
)
def test_missing_function_has_a_hint(path: Path, function: str, hint: str) -> None:
    with pytest.raises(ProgramError) as failed:
        ProgramSource(ProgramSpec(str(path), function))
    assert (failed.value.cause, failed.value.hint) == (f"backtest.py has no function `{function}`", hint)


def test_missing_file_and_invalid_text_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match="No such file"):
        ProgramSource(ProgramSpec(str(tmp_path / "absent.py")))
    (tmp_path / "broken.py").write_text("def run(:\n")
    with pytest.raises(SyntaxError):
        ProgramSource(ProgramSpec(str(tmp_path / "broken.py")))
    (tmp_path / "null.py").write_bytes(b"a = 1\0")
    with pytest.raises((ProgramError, SyntaxError)):
        ProgramSource(ProgramSpec(str(tmp_path / "null.py")))


def test_own_modules_are_found_through_packages_and_relative_imports(tmp_path: Path) -> None:
    files = {
        "main.py": "import rules\nfrom lib import prices\nimport os, json",
        "rules.py": "import main\nimport flumine",
        "lib/__init__.py": "",
        "lib/prices.py": "from . import ladder\nfrom .deep.more import thing",
        "lib/ladder.py": "import nothing_here",
        "lib/deep/more.py": "thing = 1",
        "lib/unused.py": "",
        "json.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text)
    source = ProgramSource(ProgramSpec(str(tmp_path / "main.py")))
    names = [str(Path(path).relative_to(tmp_path)) for path in source.list_files()]
    assert names == [
        "json.py",
        "lib/__init__.py",
        "lib/deep/more.py",
        "lib/ladder.py",
        "lib/prices.py",
        "main.py",
        "rules.py",
    ]
    assert source.mentions("flumine")
    assert not source.mentions("pandas")


def test_checksum_changes_with_an_own_module_and_with_what_runs_it(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("import rules")
    (tmp_path / "rules.py").write_text("a = 1")
    (tmp_path / "kit.py").write_text("")

    def checksum(*others: Path) -> str:
        return ProgramSource(ProgramSpec(str(tmp_path / "main.py"))).compute_sha256(map(str, others))

    before = checksum(tmp_path / "kit.py")
    assert checksum(tmp_path / "kit.py") == before
    assert checksum() != before
    (tmp_path / "rules.py").write_text("a = 2")
    assert checksum(tmp_path / "kit.py") != before
