"""Documents inside pages: what is embedded is found again, and a page from elsewhere cannot do more than be refused."""

from __future__ import annotations

import base64
import gzip
from pathlib import Path

import msgspec
import pytest
from support.runs import measurement, run

from perfbench.errors import StorageProblem
from perfbench.results import page_document, storage
from perfbench.results.document import RUNS
from perfbench.results.page_document import PageDocument

MADE = run([measurement("slow", [1.0] * 8, baseline=True), measurement("fast", [0.5] * 8)])
CONTENT = msgspec.json.encode(MADE)


def page(*documents: PageDocument, text: str = "") -> bytes:
    """A page as far as a reader of documents looks at it."""
    scripts = [
        f'<script type="application/gzip" class="perfbench-document" data-kind="{document.kind}" data-name="{document.name}">'
        f"{document.compress()}</script>"
        for document in documents
    ]
    return f"<!doctype html>\n<html><body>{text}{''.join(scripts)}</body></html>".encode()


def packed(text: str) -> bytes:
    """A page whose only document has this text instead of Base64 of gzip."""
    return (
        '<!doctype html><script type="application/gzip" class="perfbench-document" data-kind="run" data-name="x">'
        f"{text}</script>"
    ).encode()


def test_run_in_a_page_is_the_saved_run(tmp_path: Path) -> None:
    path = tmp_path / "run.html"
    path.write_bytes(page(PageDocument("run", "made-up", CONTENT)))
    assert storage.load_run(path) == MADE
    assert page_document.list_kinds(path) == ("run",)


def test_same_content_gives_the_same_text() -> None:
    assert PageDocument("run", "a", CONTENT).compress() == PageDocument("run", "b", CONTENT).compress()


def test_page_of_several_runs_gives_all_of_them_and_no_single_one(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.html"
    path.write_bytes(page(PageDocument("run", "one", CONTENT), PageDocument("run", "two", CONTENT)))
    assert storage.load_runs(path) == (MADE, MADE)
    with pytest.raises(StorageProblem, match="is a page of 2 runs, not of one: one, two"):
        storage.load_run(path)


def test_document_of_another_kind_is_not_taken_for_a_run(tmp_path: Path) -> None:
    path = tmp_path / "profile.html"
    path.write_bytes(page(PageDocument("profile", "p", CONTENT)))
    with pytest.raises(StorageProblem, match="is a page without a run saved by perfbench"):
        storage.load_run(path)
    assert not RUNS.is_saved(str(path), tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<!doctype html><p>a page of somebody else", "without a run"),
        (packed("QUJD"), "cannot be expanded"),
        (packed("A"), "cannot be expanded"),
        (packed(base64.b64encode(gzip.compress(CONTENT)[:-20]).decode()), "not complete"),
        (packed(base64.b64encode(gzip.compress(b'{"schema": 1}')).decode()), "not a run saved by perfbench"),
        (page(PageDocument("run", "x", CONTENT))[:-200], "without a run"),
    ],
    ids=["foreign", "no gzip", "no base64", "cut off", "no run", "cut page"],
)
def test_damaged_page_is_refused_in_one_line(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "damaged.html"
    path.write_bytes(content)
    with pytest.raises(StorageProblem, match=reason) as error:
        storage.load_run(path)
    assert len(str(error.value).splitlines()) == 1
    assert error.value.hint


def test_document_is_never_expanded_beyond_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_document, "MAX_DOCUMENT_BYTES", 1 << 20)
    path = tmp_path / "bomb.html"
    path.write_bytes(packed(base64.b64encode(gzip.compress(b"0" * (1 << 22))).decode()))
    with pytest.raises(StorageProblem, match="larger than 1 MiB"):
        storage.load_run(path)


def test_text_of_a_page_that_looks_like_a_document_is_none() -> None:
    escaped = "&lt;script type=&#34;application/gzip&#34; class=&#34;perfbench-document&#34;"
    found = page_document.extract_documents(Path("x"), page(PageDocument("run", "x", CONTENT), text=escaped), "run")
    assert [document.content for document in found] == [CONTENT]
