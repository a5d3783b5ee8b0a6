"""A plain install into an empty environment: scenarios and sample data travel in the wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
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


def test_the_wheel_holds_scenarios_and_sample_data_and_nothing_else_of_the_checkout(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("scenarios", "sample_data"):
        files = [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        shipped = {path.relative_to(ROOT).as_posix() for path in files}
        assert shipped
        assert {f"perfbench/bundled/{path}" for path in shipped} <= names
    assert {name.partition("/")[0] for name in names} == {"perfbench", wheel.name.rpartition("-py3")[0] + ".dist-info"}
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]


@offline
@pytest.mark.slow
def test_perfbench_runs_in_an_empty_folder_after_a_plain_install(wheel: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "--require-hashes", "-r", str(ROOT / ".ci" / "lock-run.txt")], check=True)
    subprocess.run([*install, "--no-deps", str(wheel)], check=True)
    folder = tmp_path / "empty"
    folder.mkdir()
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
        done = subprocess.run(
            [str(python.with_name("perfbench")), *arguments],
            cwd=folder,
            env=variables(folder),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert expected in done.stdout
    assert {path.name for path in folder.iterdir()} == {"results", "tmp"}
