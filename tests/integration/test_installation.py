"""A plain install into an empty environment: scenarios and sample data travel in the wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command_line import HERE, variables

ROOT = HERE.parent
offline = pytest.mark.skipif("PERFBENCH_OFFLINE" in os.environ, reason="PERFBENCH_OFFLINE is set")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as pip builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder, ROOT]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    (path,) = folder.glob("betfair_perfbench-*.whl")
    return path


def test_the_wheel_holds_scenarios_sample_data_and_the_man_page_and_nothing_else_of_the_checkout(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("scenarios", "sample_data"):
        files = [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        shipped = {path.relative_to(ROOT).as_posix() for path in files}
        assert shipped
        assert {f"perfbench/bundled/{path}" for path in shipped} <= names
    release = wheel.name.rpartition("-py3")[0]
    shared = {f"{release}.data/data/share/man/man1/perfbench.1"}
    assert {name.partition("/")[0] for name in names - shared} == {"perfbench", f"{release}.dist-info"}
    assert shared <= names
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]


Call = Callable[..., "subprocess.CompletedProcess[str]"]


def installed(wheel: Path, folder: Path, lock: str) -> Call:
    """``perfbench …`` of the wheel in an environment with the packages of a lock, called in an empty folder."""
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    python = folder / "venv" / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "--require-hashes", "-r", str(ROOT / ".ci" / f"lock-{lock}.txt")], check=True)
    subprocess.run([*install, "--no-deps", str(wheel)], check=True)
    empty = folder / "empty"
    empty.mkdir()
    program, environment = python.with_name("perfbench"), variables(empty)

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(program), *arguments]
        return subprocess.run(command, cwd=empty, env=environment, capture_output=True, text=True, check=False)

    return call


@offline
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_core_alone_runs_compares_and_gates_and_names_the_extra_of_everything_else(
    wheel: Path, tmp_path: Path
) -> None:
    call = installed(wheel, tmp_path, "core")
    sides = ("betfairlightweight==2.23.0", "betfairlightweight==2.24.0")
    lightweight = ("--mode", "lightweight", "--data", "sample-win")
    working: tuple[tuple[tuple[str, ...], str], ...] = (
        (("run", *lightweight, "--mode", "full", "--rounds", "1"), "full"),
        (("compare", *sides, *lightweight, "--rounds", "1"), "betfairlightweight 2.23.0 → 2.24.0"),
        (
            ("gate", "--before", sides[0], "--after", sides[1], *lightweight, "--threshold", "80%", "--max-time", "1"),
            "gate passed",
        ),
    )
    for arguments, expected in working:
        done = call(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        assert expected in done.stdout
    lacking: tuple[tuple[tuple[str, ...], int, str], ...] = (
        (("exchange",), 2, "exchange"),
        (("profile",), 2, "profile"),
        (("run", "--plot", "plot.svg"), 2, "plots"),
        (("run", "--cluster", "local"), 2, "cluster"),
        (("data", "describe", "s3://bucket/2025.tar"), 5, "remote"),
        (("run", "backtest", "--rounds", "1"), 5, "flumine"),
    )
    for arguments, code, extra in lacking:
        done = call(*arguments)
        assert done.returncode == code, done.stdout + done.stderr
        assert f"\nhint: pip install 'betfair-perfbench[{extra}]'\n" in done.stderr
        assert "Traceback" not in done.stderr


@offline
@pytest.mark.slow
def test_perfbench_runs_in_an_empty_folder_after_a_plain_install(wheel: Path, tmp_path: Path) -> None:
    call = installed(wheel, tmp_path, "run")
    for arguments, expected in (
        (["run", "--mode", "lightweight", "--mode", "patched", "--rounds", "1"], "replay · sample-win · 8,000 updates"),
        (["scenarios"], "lightweight (baseline)"),
        (["data", "check"], "sample-event"),
        (["doctor"], "This machine can measure"),
        (
            ["profile", "backtest", "--rounds", "1", "--no-memory"],
            "perfbench/kit/strategies.py:BestPrice.process_market_book",
        ),
    ):
        done = call(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        assert expected in done.stdout
    assert {path.name for path in (tmp_path / "empty").iterdir()} == {"cache", "results", "tmp"}, (
        "cache and tmp by variables"
    )
