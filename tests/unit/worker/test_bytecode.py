"""A worker leaves the folders of the user as they are: bytecode of scenario files and checkouts stands in the cache."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.checkouts import checkout
from support.command_line import perfbench, variables

from perfbench.runner.worker_process import WORKER_SCRIPT

SCENARIO = """
import helper
from perfbench import Work, mode

@mode(baseline=True)
def plain():
    return Work(1, seconds=helper.SECONDS)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a scenario file that imports a package beside it."""
    made = tmp_path / "mine"
    (made / "helper").mkdir(parents=True)
    (made / "ticks.py").write_text(SCENARIO)
    (made / "helper" / "__init__.py").write_text("from helper.numbers import SECONDS\n")
    (made / "helper" / "numbers.py").write_text("SECONDS = 1.0\n")
    return made


def list_bytecode(folder: Path) -> list[str]:
    return sorted(path.name.partition(".")[0] for path in folder.rglob("*.pyc"))


def test_measuring_writes_bytecode_to_the_cache_only(folder: Path, tmp_path: Path) -> None:
    before = sorted(folder.rglob("*"))
    done = perfbench("run", folder / "ticks.py", "--rounds", "1", "--quiet", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(folder.rglob("*")) == before
    cached = tmp_path / "cache" / "environments" / "bytecode"
    assert list_bytecode(cached) == ["__init__", "numbers", "ticks"]
    stamps = {path: path.stat().st_mtime_ns for path in cached.rglob("*.pyc")}
    assert perfbench("run", folder / "ticks.py", "--rounds", "1", "--quiet", folder=tmp_path).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in cached.rglob("*.pyc")} == stamps, "nothing is compiled again"
    assert perfbench("environments", "--prune", folder=tmp_path).returncode == 0
    assert list_bytecode(cached) == []


def run_mounted(code: str, folder: Path, bytecode: str) -> str:
    """Output of code in a process with the worker's imports."""
    mounting = f"import runpy; runpy.run_path({str(WORKER_SCRIPT)!r}, run_name='mounting')['mount']()\n"
    environment = {**variables(folder), "PERFBENCH_BYTECODE": bytecode}
    del environment["PYTHONDONTWRITEBYTECODE"]
    command = [sys.executable, "-c", mounting + code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=folder)
    return done.stdout


def test_checkout_of_an_editable_installation_is_not_written_into(tmp_path: Path) -> None:
    package = checkout(tmp_path / "checkout", "1.0", "AMOUNT = 1")
    code = (
        "import importlib.util as u; "  # as the finder of an editable installation loads its module
        f"s = u.spec_from_file_location('ticker', {str(package / 'ticker.py')!r}); m = u.module_from_spec(s); "
        "s.loader.exec_module(m); print(m.AMOUNT, m.__file__)"
    )
    assert run_mounted(code, tmp_path, str(tmp_path / "bytecode")).split() == ["1", str(package / "ticker.py")]
    assert list_bytecode(package) == []
    assert list_bytecode(tmp_path / "bytecode") == ["ticker"]


def test_installed_package_keeps_its_bytecode(tmp_path: Path) -> None:
    site = tmp_path / "venv" / "site-packages"
    site.mkdir(parents=True)
    (site / "installed.py").write_text("A = 1\n")
    run_mounted(f"import sys; sys.path.append({str(site)!r}); import installed", tmp_path, str(tmp_path / "bytecode"))
    assert list_bytecode(site) == ["installed"]
    assert not (tmp_path / "bytecode").exists()


def test_edited_file_is_compiled_again_and_a_syntax_error_names_its_file(folder: Path) -> None:
    numbers = folder / "helper" / "numbers.py"
    code = f"import sys; sys.path.append({str(folder)!r}); import helper; print(helper.SECONDS)"
    assert run_mounted(code, folder, str(folder / "bytecode")) == "1.0\n"
    numbers.write_text("SECONDS = 22.0\n")
    assert run_mounted(code, folder, str(folder / "bytecode")) == "22.0\n"
    numbers.write_text("SECONDS = (\n")
    with pytest.raises(subprocess.CalledProcessError) as failed:
        run_mounted(code, folder, str(folder / "bytecode"))
    assert f'File "{numbers}", line 1' in failed.value.stderr
    assert f"bytecode.py{os.sep}" not in failed.value.stderr


def test_imports_work_when_no_bytecode_can_be_written(folder: Path) -> None:
    code = f"import sys; sys.path.append({str(folder)!r}); import helper; print(helper.SECONDS)"
    assert run_mounted(code, folder, "/proc/nowhere") == "1.0\n"
    assert run_mounted(code, folder, "") == "1.0\n"
    assert list_bytecode(folder) == []
