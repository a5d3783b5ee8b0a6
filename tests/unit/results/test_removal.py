"""What belongs to the name of a saved run, and that nothing else is removed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from perfbench.errors import StorageProblem
from perfbench.results.removal import find_items, remove_items

SUFFIXES = (".json", ".journal", ".profile.json", "-against.json")
OWNERS = (".profile.json",)


def listed(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def items_of(name: str, folder: Path) -> set[str]:
    return {item.path.relative_to(folder).as_posix() for item in find_items(name, folder, SUFFIXES, OWNERS)}


def fill(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def test_files_of_the_name_and_its_profile_folder_belong_to_it_and_others_do_not(tmp_path: Path) -> None:
    fill(tmp_path, "a.json", "a.journal", "a.profile.json", "a-against.json", "a/flame.html", "a/b/raw.bin")
    fill(tmp_path, "a.svg", "a2.json", "aa.json", "b/flame.html", "a-slower.json")
    assert items_of("a", tmp_path) == {"a.json", "a.journal", "a.profile.json", "a-against.json", "a"}
    remove_items(find_items("a", tmp_path, SUFFIXES, OWNERS))
    assert listed(tmp_path) == {"a.svg", "a2.json", "aa.json", "b", "b/flame.html", "a-slower.json"}


def test_folder_without_a_profile_is_somebody_elses(tmp_path: Path) -> None:
    fill(tmp_path, "a.json", "a/thesis.txt")
    assert items_of("a", tmp_path) == {"a.json"}
    assert items_of("b", tmp_path) == set()


def test_links_are_removed_and_not_what_they_lead_to(tmp_path: Path) -> None:
    fill(tmp_path, "elsewhere/kept.json", "elsewhere/thesis.txt", "results/a.profile.json")
    folder = tmp_path / "results"
    (folder / "a.json").symlink_to(tmp_path / "elsewhere" / "kept.json")
    (folder / "a.journal").symlink_to(tmp_path / "missing")
    (folder / "a").symlink_to(tmp_path / "elsewhere")
    assert items_of("a", folder) == {"a.json", "a.journal", "a.profile.json"}
    remove_items(find_items("a", folder, SUFFIXES, OWNERS))
    assert listed(tmp_path) == {"results", "results/a", "elsewhere", "elsewhere/kept.json", "elsewhere/thesis.txt"}


def test_label_names_a_folder_with_its_files_and_the_size_is_that_of_all(tmp_path: Path) -> None:
    fill(tmp_path, "a.profile.json", "a/one", "a/deep/two")
    labels = {item.label: item.size_bytes for item in find_items("a", tmp_path, SUFFIXES, OWNERS)}
    assert labels == {
        f"{tmp_path}/a.profile.json": len("a.profile.json"),
        f"{tmp_path}/a/ (2 files)": len("a/one") + len("a/deep/two"),
    }


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_undeletable_file_is_named_after_everything_else_is_removed(tmp_path: Path) -> None:
    fill(tmp_path, "free/a.json", "locked/a.json")
    items = [item for name in ("locked", "free") for item in find_items("a", tmp_path / name, SUFFIXES, OWNERS)]
    (tmp_path / "locked").chmod(0o500)
    try:
        with pytest.raises(StorageProblem, match=r"cannot remove .*locked/a\.json \(Permission denied\)"):
            remove_items(items)
    finally:
        (tmp_path / "locked").chmod(0o700)
    assert not (tmp_path / "free" / "a.json").exists()


def test_failure_of_one_file_does_not_keep_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "a.json", "a.journal")
    items = find_items("a", tmp_path, SUFFIXES, OWNERS)
    unlink = Path.unlink

    def fail_first(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".json":
            raise PermissionError(1, "Operation not permitted")
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", fail_first)
    with pytest.raises(StorageProblem, match=r"cannot remove .*a\.json \(Operation not permitted\)"):
        remove_items(items)
    assert listed(tmp_path) == {"a.json"}
