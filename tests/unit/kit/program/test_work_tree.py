"""The working directory of a program: folders like the user's, copies of small files, links to the rest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from perfbench.kit.program import work_tree
from perfbench.kit.program.work_tree import make_tree


@pytest.fixture
def working(tmp_path: Path) -> Path:
    made = tmp_path / "home" / "work"
    made.mkdir(parents=True)
    return made


def list_kinds(root: str) -> dict[str, str]:
    """What each entry of the tree is: ``folder``, ``copy`` or ``link``."""
    found = {}
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            kind = "link" if os.path.islink(path) else "folder" if os.path.isdir(path) else "copy"
            found[os.path.relpath(path, root)] = kind
    return found


def tree(working: Path, tmp_path: Path) -> dict[str, str]:
    return list_kinds(make_tree(str(tmp_path / "tree"), str(working)))


def test_small_files_are_copied_with_their_times_and_others_are_links(working: Path, tmp_path: Path) -> None:
    contents = {
        "orders.db": b"SQLite format 3\0",
        "prices.parquet": b"PAR1",
        "results.json": b'{"profit": 1.5}',
        "market.bz2": b"BZh9",
        "packed": b"\x1f\x8b\x08",
        "1.170258213": b'{"op":"mcm","pt":1}\n',
        "recorded": b'{"op": "mcm", "id": 1, "clk": null}\n',
        "run.json": b'{"schema":1,"id":"night"}',
        "strategy.py": b"",
    }
    for name, content in contents.items():
        (working / name).write_bytes(content)
    os.utime(working / "orders.db", (7, 7))
    assert tree(working, tmp_path) == {
        "orders.db": "copy",
        "prices.parquet": "copy",
        "results.json": "copy",
        "market.bz2": "link",
        "packed": "link",
        "1.170258213": "link",
        "recorded": "link",
        "run.json": "link",
        "strategy.py": "link",
    }
    made = make_tree(str(tmp_path / "again"), str(working))
    assert os.stat(os.path.join(made, "orders.db")).st_mtime == 7


def test_folders_are_made_again_but_for_hidden_ones_environments_and_links(working: Path, tmp_path: Path) -> None:
    for name in ("output/deep", ".git", "venv", "node_modules"):
        (working / name).mkdir(parents=True)
    (working / "output" / "deep" / "kept.csv").write_text("")
    (working / "venv" / "pyvenv.cfg").write_text("")
    (working / "latest").symlink_to("output")
    assert tree(working, tmp_path) == {
        "output": "folder",
        "output/deep": "folder",
        "output/deep/kept.csv": "copy",
        ".git": "link",
        "venv": "link",
        "node_modules": "link",
        "latest": "link",
    }


def test_limits_make_links_of_what_is_beyond(working: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_tree, "MAX_ENTRIES", 6)
    monkeypatch.setattr(work_tree, "MAX_COPIES", 3)
    monkeypatch.setattr(work_tree, "MAX_COPY_BYTES", 100)
    monkeypatch.setattr(work_tree, "MAX_COPIED_BYTES", 150)
    for folder, count in (("few", 2), ("many", 7), ("some", 4)):
        (working / folder).mkdir()
        for number in range(count):
            (working / folder / f"{number}.csv").write_bytes(b"x" * 40)
    (working / "large.csv").write_bytes(b"x" * 101)
    assert tree(working, tmp_path) == {
        "few": "folder",
        "few/0.csv": "copy",
        "few/1.csv": "copy",
        "many": "link",  # seven entries are more than six, or what is left of them
        "some": "folder",
        "some/0.csv": "copy",
        "some/1.csv": "link",
        "some/2.csv": "link",
        "some/3.csv": "link",
        "large.csv": "link",
    }


def test_folder_that_contains_the_tree_is_not_entered(working: Path) -> None:
    (working / "tmp").mkdir()
    (working / "tmp" / "file").write_text("")
    assert list_kinds(make_tree(str(working / "tmp" / "tree"), str(working))) == {"tmp": "link"}


def test_shared_memory_of_a_database_is_left_out(working: Path, tmp_path: Path) -> None:
    for name in ("orders.db", "orders.db-wal", "orders.db-shm"):
        (working / name).write_bytes(b"")
    assert tree(working, tmp_path) == {"orders.db": "copy", "orders.db-wal": "copy"}


def test_folders_around_the_working_directory_are_linked_unless_they_are_large(
    working: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (working.parent / "beside").mkdir()
    made = make_tree(str(tmp_path / "tree"), str(working))
    assert os.path.realpath(os.path.join(made, "..", "beside")) == str(working.parent / "beside")
    monkeypatch.setattr(work_tree, "MAX_PARENT_ENTRIES", 1)
    made = make_tree(str(tmp_path / "again"), str(working))
    assert os.listdir(os.path.join(made, "..")) == ["work"]
