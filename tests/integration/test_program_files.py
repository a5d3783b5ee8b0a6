"""Files of the user while a program runs: they stay as they are, whoever writes; and what a careful program writes works."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from support.programs import digest, fail, measure

from perfbench.errors import TrialFailed
from perfbench.worker import confinement

SOURCES = Path(__file__).resolve().parents[1] / "data" / "programs"
BIG = 20_000_000

needs_kernel = pytest.mark.skipif(not confinement.read_version(), reason="this kernel has no Landlock")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of the user, with files of every size and kind, and the programs."""
    made = tmp_path / "user"
    (made / "output").mkdir(parents=True)
    for name in ("changes_files.py", "keeps_files.py"):
        shutil.copy(SOURCES / name, made)
    (made / "kept.bin").write_bytes(b"kept" * 10)
    (made / "output" / "kept.json").write_text("{}\n")
    with (made / "large.bin").open("wb") as file:
        file.truncate(BIG)
    for name, mode in (("orders.db", "delete"), ("output/wal.db", "wal")):
        database = sqlite3.connect(made / name)
        database.execute(f"pragma journal_mode={mode}")
        with database:
            database.execute("create table orders (profit)")
            database.execute("insert into orders values (1.5)")
        database.close()
    for path in made.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    os.utime(made, (1_000_000_000, 1_000_000_000))
    monkeypatch.chdir(made)
    return made


def fingerprint(root: Path) -> dict[str, tuple[object, ...]]:
    """Everything in a folder: contents, modes, times, numbers of links."""
    found: dict[str, tuple[object, ...]] = {}
    for path in (root, *root.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() and status.st_size < BIG else status.st_size
        found[str(path)] = (content, status.st_mode, status.st_mtime_ns, status.st_nlink, status.st_ino)
    return found


# What is refused --------------------------------------------------------------------------------------------------------

CHANGES = {
    "polars_json": "kept.bin",
    "polars_parquet": "kept.bin",
    "pyarrow_new": "new.parquet",
    "pyarrow_over": "kept.bin",
    "link_of_the_working_directory": "large.bin",
    "open_file": "kept.bin",
    "truncate": "kept.bin",
    "rename_over": "kept.bin",
    "rename_away": "kept.bin",
    "remove": "kept.bin",
    "make_folder": "made",
    "symbolic_link": "link",
    "hard_link_into": "link",
    "hard_link_out_of": "kept.bin",
    "shell": "kept.bin",
    "move_command": "kept.bin",
    "pool": "kept.bin",
    "thread": "kept.bin",
}
"""Functions of changes_files.py, and the file that each of them would change."""


@needs_kernel
@pytest.mark.parametrize(("function", "file"), CHANGES.items())
def test_change_by_c_code_or_a_child_is_refused_with_the_file(folder: Path, function: str, file: str) -> None:
    if function.startswith(("polars", "pyarrow")):
        pytest.importorskip(function.partition("_")[0])
    before = fingerprint(folder)
    program = f"{folder / 'changes_files.py'}:{function}"
    line = fail(program, folder / "kept.bin", arguments=[folder])
    expected = rf"changes {folder}/{file} at user/changes_files\.py:\d+: perfbench changes none of your files \(write a new .*\)"
    assert re.fullmatch(expected, line)
    assert fingerprint(folder) == before
    with pytest.raises(TrialFailed, match="perfbench changes none of your files"):
        measure(program, folder / "kept.bin", arguments=[folder])
    assert fingerprint(folder) == before


@needs_kernel
@pytest.mark.parametrize("function", ["grandchild", "background_thread"])
def test_change_whose_error_nobody_sees_is_refused_too(folder: Path, function: str) -> None:
    before = fingerprint(folder)
    program = f"{folder / 'changes_files.py'}:{function}"
    assert measure(program, folder / "kept.bin", arguments=[folder]).work == 3
    assert digest(program, folder / "kept.bin", arguments=[folder]).updates == 3
    assert fingerprint(folder) == before


def test_error_that_is_none_of_perfbenchs_is_not_taken_for_a_refusal(folder: Path) -> None:
    (folder / "reads.py").write_text(
        "def missing(market):\n    open('/nowhere/file', 'w')\n\n"
        "def raised(market):\n    raise PermissionError(13, 'Permission denied', '/dev/shm/file')\n"
    )
    assert fail(f"{folder / 'reads.py'}:missing", folder / "kept.bin").startswith("FileNotFoundError: ")
    assert fail(f"{folder / 'reads.py'}:raised", folder / "kept.bin").startswith("PermissionError: ")


@needs_kernel
def test_large_database_is_read_and_not_written(folder: Path) -> None:
    database = sqlite3.connect(folder / "large.db")
    database.execute("create table orders (profit)")
    database.execute("insert into orders values (zeroblob(70000000))")
    database.commit()
    database.close()
    (folder / "large.py").write_text(
        "import sqlite3, sys\n\ndef read(market):\n"
        "    return sqlite3.connect(sys.argv[1]).execute('select count(*) from orders').fetchone()[0]\n\n"
        "def write(market):\n"
        "    sqlite3.connect(sys.argv[1]).execute('delete from orders')\n"
    )
    before = fingerprint(folder)
    path = folder / "large.db"
    assert digest(f"{folder / 'large.py'}:read", folder / "kept.bin", arguments=[path]).updates == 1
    line = fail(f"{folder / 'large.py'}:write", folder / "kept.bin", arguments=[path])
    assert line.startswith(f"changes {path} at user/large.py:7: perfbench changes none of your files")
    assert fingerprint(folder) == before


# What works -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "function",
    [
        "new_files",
        "written_over",
        "databases",
        "numbered_files",
        "times_and_modes",
        "removed",
        "moved",
        "children",
        pytest.param("temporary", marks=needs_kernel),
    ],
)
def test_careful_program_works_and_leaves_the_folder_as_it_was(folder: Path, function: str) -> None:
    if function in ("new_files", "written_over"):
        polars = pytest.importorskip("polars")
        pytest.importorskip("pyarrow")
        polars.DataFrame({"price": [1.5]}).write_parquet(folder / "prices.parquet")
    before = fingerprint(folder)
    program = f"{folder / 'keeps_files.py'}:{function}"
    assert measure(program, folder / "kept.bin", arguments=[folder]).work == 1
    digest(program, folder / "kept.bin", arguments=[folder])
    assert fingerprint(folder) == before


# The kernel -------------------------------------------------------------------------------------------------------------

MOVES = """
import os, sys
from pathlib import Path
from perfbench.worker import confinement
from perfbench.kit.program.redirection import install_redirection, redirected_to
from perfbench.kit.program.scratch import Scratch

confinement.read_version = lambda: int(sys.argv[2])
os.chdir(sys.argv[1])
os.mkdir("scratch")
Path("user").mkdir()
scratch = Scratch("scratch", "user", [], own_temporary=True)
assert confinement.confine([scratch.folder])
with install_redirection(), redirected_to(scratch):
    for name in ("first", "second"):
        Path(name).mkdir()
    Path("first/file").write_text("moved")
    os.replace("first/file", "second/file")
    os.rename("second", "first/second")
    assert Path("first/second/file").read_text() == "moved"
    assert not os.path.exists("second")
"""


@needs_kernel
@pytest.mark.parametrize("version", [1, 2, 3])
def test_files_move_between_folders_with_every_version_of_the_kernels_rules(tmp_path: Path, version: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MOVES, str(tmp_path), str(version)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
