"""``DocumentStore``: names, suffixes and damaged documents."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from perfbench.errors import StorageProblem, UsageProblem
from perfbench.results.store import DocumentStore


@dataclass(frozen=True)
class Note:
    """A small document."""

    schema: int
    text: str


NOTES = DocumentStore(".note.json", Note, "note", unfinished=".draft")


def test_store_loads_what_it_saved_by_name_and_by_path(tmp_path: Path) -> None:
    path = NOTES.locate("first", tmp_path)
    NOTES.save(Note(1, "kept"), path)
    assert NOTES.find("first", tmp_path) == NOTES.find(str(path), tmp_path / "elsewhere") == path
    assert NOTES.load(path) == Note(1, "kept")


@pytest.mark.parametrize("suffix", [".note.json", ".draft"])
def test_store_refuses_name_of_finished_or_unfinished_document(tmp_path: Path, suffix: str) -> None:
    NOTES.require_free("taken", tmp_path)
    NOTES.require_free(None, tmp_path)
    (tmp_path / f"taken{suffix}").write_text("{}")
    assert NOTES.is_saved("taken", tmp_path)
    with pytest.raises(UsageProblem, match="already exists"):
        NOTES.require_free("taken", tmp_path)


def test_store_distinguishes_documents_from_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "package.whl").touch()
    assert not NOTES.is_saved("package.whl", tmp_path / "results")
    assert NOTES.is_saved("missing.note.json", tmp_path / "results")


def test_store_names_the_folder_that_it_searched(tmp_path: Path) -> None:
    with pytest.raises(StorageProblem, match=f"nothing: no such file, and no note of that name in {tmp_path}"):
        NOTES.find("nothing", tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"schema": 1, "te', "is damaged or cut off"),
        ('{"text": "x"}', "is not a note saved by perfbench: it has no `schema`"),
        ('{"schema": 1}', "is not a note saved by perfbench: Object missing required field `text`"),
        ('{"schema": 99, "text": "x"}', r"was saved by a newer perfbench \(schema 99\)"),
    ],
)
def test_store_reports_content_that_it_cannot_load(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "odd.note.json"
    path.write_text(content)
    with pytest.raises(StorageProblem, match=message) as refused:
        NOTES.load(path)
    assert refused.value.hint


def test_store_reports_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(StorageProblem, match="cannot be read: Is a directory"):
        NOTES.load(tmp_path)


def test_folder_in_place_of_a_document_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "x.json").mkdir()
    with pytest.raises(StorageProblem, match=r"x\.json is a folder, not a saved note$"):
        NOTES.find(str(tmp_path / "x.json"), tmp_path / "results")
