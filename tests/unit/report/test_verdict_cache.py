"""The cache of verdicts: what an entry holds for, and files that cannot be read or written."""

from __future__ import annotations

from pathlib import Path

import pytest

from perfbench.report.verdict_cache import VerdictCache, open_cache
from perfbench.util import paths


def test_entry_holds_for_one_state_of_a_file_and_of_the_code(tmp_path: Path) -> None:
    file, run = tmp_path / "verdicts.json", tmp_path / "run.json"
    cache = VerdictCache(file, "code 1")
    cache.add(run, 10, 5, "2 ▲")
    cache.save(tmp_path, [(run, 10, 5)])
    again = VerdictCache(file, "code 1")
    assert again.find(run, 10, 5) == "2 ▲"
    assert again.find(run, 11, 5) is None
    assert again.find(run, 10, 6) is None
    assert again.find(tmp_path / "other.json", 10, 5) is None
    assert VerdictCache(file, "code 2").find(run, 10, 5) is None


def test_entries_of_removed_files_go_and_those_of_other_folders_stay(tmp_path: Path) -> None:
    cache = VerdictCache(tmp_path / "verdicts.json", "code")
    here, there = tmp_path / "here", tmp_path / "there"
    for path in (here / "kept.json", here / "removed.json", there / "run.json"):
        cache.add(path, 1, 1, path.stem)
    cache.save(here, [(here / "kept.json", 1, 1)])
    again = VerdictCache(tmp_path / "verdicts.json", "code")
    paths_there = (here / "kept.json", here / "removed.json", there / "run.json")
    assert [again.find(path, 1, 1) for path in paths_there] == ["kept", None, "run"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"code": 1}', b'{"code": "code", "verdicts": [1]}', b"\xff"])
def test_damaged_cache_is_empty(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "verdicts.json").write_bytes(content)
    assert VerdictCache(tmp_path / "verdicts.json", "code").find(tmp_path / "run.json", 1, 1) is None


def test_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = VerdictCache(tmp_path / "file" / "verdicts.json", "code")
    cache.add(tmp_path / "run.json", 1, 1, "x")
    cache.save(tmp_path, [])


def test_cache_of_the_user_is_that_of_the_code_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERFBENCH_CACHE", str(tmp_path / "cache"))
    package = tmp_path / "package"
    (package / "stats").mkdir(parents=True)
    (package / "stats" / "ranks.py").touch()
    monkeypatch.setattr(paths, "PACKAGE_FOLDER", package)
    cache = open_cache()
    cache.add(tmp_path / "run.json", 1, 1, "x")
    cache.save(tmp_path, [(tmp_path / "run.json", 1, 1)])
    assert open_cache().find(tmp_path / "run.json", 1, 1) == "x"
    (package / "stats" / "new.py").touch()
    assert open_cache().find(tmp_path / "run.json", 1, 1) is None
