"""The man page: made from the commands, and read by the programs that show it."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from perfbench.cli import manual
from perfbench.cli.app import GROUPS, LazyCommandGroup
from perfbench.errors import ExitCode

ROOT = Path(__file__).resolve().parents[2]


def test_page_is_that_of_the_commands(refresh_golden: bool) -> None:
    page = manual.build_manual()
    if refresh_golden:
        manual.MANUAL_FILE.write_text(page, encoding="utf-8")
    assert page == manual.MANUAL_FILE.read_text(encoding="utf-8"), "pytest --refresh-golden tests/cli/test_manual.py"


def test_page_names_every_command_group_and_exit_code() -> None:
    page = manual.build_manual()
    assert re.findall(r"^\.SH COMMANDS: (.*)$", page, re.MULTILINE) == [group.upper() for group in GROUPS]
    shown = set(re.findall(r"^\.SS perfbench (\S+)", page, re.MULTILINE))
    assert shown == set(LazyCommandGroup.names())
    assert set(manual.EXIT_TEXTS) == set(ExitCode)


def test_page_is_plain_ascii_and_hides_no_line() -> None:
    """Another encoding is shown wrongly by some readers; a line that begins with a dot would be a request."""
    page = manual.build_manual()
    assert page.isascii()
    known = (".TH ", ".SH ", ".SS ", ".PP", ".TP", ".B ", ".I ", '.\\"')
    assert all(line.startswith(known) for line in page.splitlines() if line.startswith((".", "'")))
    assert manual.escape(".TH 'x' \\n") == "\\&.TH 'x' \\en"


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_groff_formats_the_page_without_a_warning(tmp_path: Path) -> None:
    command = ["groff", "-man", "-ww", "-Tutf8", "-P-cbou", str(manual.MANUAL_FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    text = " ".join(done.stdout.split())
    assert "perfbench run [OPTIONS] [SCENARIOS]" in text
    assert "--max-time SECONDS" in text
    assert "3 A regression is confirmed" in text


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
def test_mandoc_finds_no_mistake() -> None:
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", str(manual.MANUAL_FILE)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_wheel_has_the_page_where_man_looks_for_it(tmp_path: Path) -> None:
    builder = pytest.importorskip("hatchling.build", reason="hatchling is not installed")
    import os

    before = os.getcwd()
    os.chdir(ROOT)
    try:
        name = builder.build_wheel(str(tmp_path))
    finally:
        os.chdir(before)
    with zipfile.ZipFile(tmp_path / name) as wheel:
        (page,) = [member for member in wheel.namelist() if member.endswith("share/man/man1/perfbench.1")]
        assert page.endswith(".data/data/share/man/man1/perfbench.1")
        assert wheel.read(page) == manual.MANUAL_FILE.read_bytes()
