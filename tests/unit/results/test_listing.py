"""The documents of a results folder: which are listed, in which order, and which are named as broken."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from support.runs import measurement, run

from perfbench.errors import StorageProblem
from perfbench.model import Run
from perfbench.results.listing import DocumentKind, list_documents

RUN = DocumentKind(".json", "run")
JOURNAL = DocumentKind(".journal", "journal", journal=True)
PROFILE = DocumentKind(".profile.json", "profile", nested=True)
UNLISTED = DocumentKind("-against.json", "")
KINDS = (RUN, JOURNAL, PROFILE, UNLISTED)


def saved(path: Path, created: str, **changes: object) -> Run:
    made = replace(run([measurement("only", [1.0] * 3, baseline=True)]), created=created, **changes)  # type: ignore[arg-type]
    path.write_bytes(msgspec.json.encode(made))
    return made


def test_newest_document_comes_first_whatever_its_name_and_file_time(tmp_path: Path) -> None:
    saved(tmp_path / "a.json", "2026-01-01T00:00:00+00:00")
    saved(tmp_path / "b.json", "2026-03-01T00:00:00+00:00")
    saved(tmp_path / "c.json", "2026-02-01T00:00:00+00:00")
    os.utime(tmp_path / "a.json", (2e9, 2e9))
    listing = list_documents(tmp_path, KINDS)
    assert [document.name for document in listing.documents] == ["b", "c", "a"]
    assert listing.documents[0].size_bytes == (tmp_path / "b.json").stat().st_size


def test_longest_suffix_is_that_of_a_file_and_names_have_dots(tmp_path: Path) -> None:
    made = saved(tmp_path / "v1.2.json", "2026-01-01T00:00:00+00:00")
    (tmp_path / "v1.2.profile.json").write_bytes(msgspec.json.encode({"schema": 1, "run": made}))
    (tmp_path / "v1.2-against.json").write_text('{"schema": 1}')
    (tmp_path / "v1.2.journal").write_bytes(msgspec.json.encode(made) + b'\n{"trial": ')
    listing = list_documents(tmp_path, KINDS)
    assert {(document.name, document.kind.word) for document in listing.documents} == {
        ("v1.2", "run"), ("v1.2", "profile"), ("v1.2", "journal"),
    }  # fmt: skip
    assert not listing.broken


def test_facts_are_read_without_samples_and_from_documents_that_lack_later_fields(tmp_path: Path) -> None:
    made = saved(tmp_path / "a.json", "2026-01-01T00:00:00+00:00")
    document = msgspec.json.decode(msgspec.json.encode(made))
    del document["settings"]["drawn"], document["corpus"]
    document["measurements"][0]["samples"] = "not looked at"
    (tmp_path / "a.json").write_bytes(msgspec.json.encode(document))
    (listed,) = list_documents(tmp_path, KINDS).documents
    assert [case.mode for case in listed.facts.cases] == ["only"]
    assert listed.facts.corpus is None


def test_broken_files_are_named_with_the_reason_and_the_others_are_listed(tmp_path: Path) -> None:
    saved(tmp_path / "good.json", "2026-01-01T00:00:00+00:00")
    newer = saved(tmp_path / "newer.json", "2026-01-01T00:00:00+00:00")
    (tmp_path / "newer.json").write_bytes(msgspec.json.encode(replace(newer, schema=99)))
    (tmp_path / "cut.json").write_bytes(b'{"schema": 1, "id"')
    (tmp_path / "empty.journal").touch()
    (tmp_path / "list.json").write_text("[1, 2]")
    (tmp_path / "other.json").write_text('{"name": "x"}')
    (tmp_path / "folder.json").mkdir()
    os.mkfifo(tmp_path / "pipe.json")
    listing = list_documents(tmp_path, KINDS)
    assert [document.name for document in listing.documents] == ["good"]
    assert dict(listing.broken) == {
        "newer.json": "saved by a newer perfbench (schema 99)",
        "cut.json": "damaged or cut off",
        "empty.journal": "damaged or cut off",
        "list.json": "not a run saved by perfbench",
        "other.json": "not a run saved by perfbench",
        "folder.json": "no plain file",
        "pipe.json": "no plain file",
    }


def test_hidden_files_and_other_suffixes_are_passed_over(tmp_path: Path) -> None:
    for name in (".hidden.json", ".perfbench-1.part", "plot.svg", "notes.txt", ".json"):
        (tmp_path / name).write_text("x")
    listing = list_documents(tmp_path, KINDS)
    assert (listing.documents, listing.broken) == ((), ())


def test_missing_folder_has_no_documents_and_a_file_is_no_folder(tmp_path: Path) -> None:
    assert list_documents(tmp_path / "missing", KINDS).documents == ()
    (tmp_path / "file").touch()
    with pytest.raises(StorageProblem, match="Not a directory"):
        list_documents(tmp_path / "file", KINDS)
