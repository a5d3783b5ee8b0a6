"""Scenarios and the kit leave nothing in the temporary folder, also when their process is killed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from support.command_line import HERE
from support.deadline import wait_until

ROOT = HERE.parent
SOURCES = [*(ROOT / "perfbench" / "kit").rglob("*.py"), *(ROOT / "scenarios").rglob("*.py")]


def list_folders_that_stay(source: str) -> list[int]:
    """The lines that make a folder directly in the temporary folder, where it stays if the process is killed."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("TemporaryDirectory", "mkdtemp")
        and "dir" not in {keyword.arg for keyword in node.keywords}
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_temporary_folders_are_those_that_are_removed_at_the_end(path: Path) -> None:
    expected = 1 if path.name == "child_processes.py" else 0
    assert len(list_folders_that_stay(path.read_text(encoding="utf-8"))) == expected


def test_folder_is_removed_when_its_process_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, tempfile, time\n"
        "tempfile.tempdir = sys.argv[1]\n"
        "from perfbench.kit.child_processes import folder_until_the_end\n"
        "with folder_until_the_end() as folder:\n"
        "    open(folder + '/full', 'w').close()\n"
        "    time.sleep(300)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT)
    try:
        wait_until(lambda: [*tmp_path.glob("*/full")], "the folder has a file")
    finally:
        process.kill()
        process.wait()
    wait_until(lambda: not [*tmp_path.iterdir()], "the folder is gone")
