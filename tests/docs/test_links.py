"""Links of README.md, CONTRIBUTING.md and the pages in docs lead to files and headings; paths that they name exist."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from perfbench_docs.pages import list_anchors, list_links, list_pages, slugify
from perfbench_docs.project import BLOB, DOCS, RAW, REPOSITORY, ROOT

DOCUMENTS = [*list_pages(), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
DESCRIBING_CODE = [ROOT / "CONTRIBUTING.md", *sorted((DOCS / "concepts").glob("*.md"))]
EXAMPLES = {"signed_rank.py", "matcher.py", "results/calibration.json", "my_backtest.py", "runs/*.json"}
"""File names without their folder, and files that a command writes."""

EXTERNAL = re.compile(r"https?://")
TREE = f"{REPOSITORY}/tree/main/"


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def find_target(link: str, document: Path) -> Path | None:
    """The file in the checkout that a link leads to; None for one that leads elsewhere."""
    for prefix in (BLOB, RAW, TREE):
        if link.startswith(prefix):
            return ROOT / link.removeprefix(prefix).partition("#")[0]
    if EXTERNAL.match(link):
        return None
    return document.parent / link.partition("#")[0] if link.partition("#")[0] else document


def list_broken(document: Path) -> list[str]:
    """The links of a document that lead to no file, or to a heading that its file does not have."""
    broken = []
    for link in list_links(document.read_text(encoding="utf-8")):
        target, anchor = find_target(link, document), link.partition("#")[2]
        if target is None:
            continue
        if not target.exists() or (
            anchor and target.suffix == ".md" and anchor not in list_anchors(target.read_text(encoding="utf-8"))
        ):
            broken.append(link)
    return broken


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_lead_to_files_and_headings(document: Path) -> None:
    assert list_broken(document) == []


def test_broken_links_are_reported(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    (tmp_path / "other.md").write_text("# Other\n\n## A heading\n", encoding="utf-8")
    links = (
        "other.md#a-heading",
        "other.md#no-heading",
        "nowhere.md",
        f"{BLOB}no-such-file",
        "https://example.org/x",
        "#top",
    )
    page.write_text("# Top\n\n" + "\n".join(f"[x]({link})" for link in links) + "\n", encoding="utf-8")
    assert list_broken(page) == ["other.md#no-heading", "nowhere.md", f"{BLOB}no-such-file"]


def test_external_links_are_encrypted(record_property: Callable[[str, object], None]) -> None:
    """They are listed with the results of the test and not opened."""
    links = {
        link
        for document in DOCUMENTS
        for link in list_links(document.read_text(encoding="utf-8"))
        if EXTERNAL.match(link) and find_target(link, document) is None
    }
    record_property("external links", " ".join(sorted(links)))
    assert links
    assert [link for link in sorted(links) if not link.startswith("https://")] == []


def test_pages_of_the_site_do_not_link_to_files_outside_of_it_by_a_relative_path() -> None:
    """Sphinx would copy them; pictures of saved runs are meant to be copied."""
    for page in list_pages()[1:]:
        for link in list_links(page.read_text(encoding="utf-8")):
            if not EXTERNAL.match(link) and not link.startswith("#"):
                target = (page.parent / link.partition("#")[0]).resolve()
                assert DOCS in target.parents or target.suffix == ".svg", f"{name_of(page)}: {link}"


def test_headings_become_the_anchors_of_github() -> None:
    assert slugify("What the announcement of 2.12.0 took") == "what-the-announcement-of-2120-took"
    assert slugify("In the `configuration`") == "in-the-configuration"
    assert list_anchors("# A\n\n## B c\n\n## B c\n\n```sh\n# no heading\n```\n") == {"a", "b-c", "b-c-1"}


# Paths in backticks and drawings ----------------------------------------------------------------------------------------------


def find_paths(text: str) -> set[str]:
    """Paths in backticks and in drawings, without patterns such as ``<name>.py``."""
    named = re.findall(r"`([\w./*<>-]+(?:\.py|\.md|\.toml|\.json|/))`", text)
    drawn = re.findall(r"(?<![\w./*`-])((?:\w+/)+\w+\.py)\b", text)
    return {path for path in {*named, *drawn} if not re.search(r"[<>*]", path)} - EXAMPLES


def exists(path: str) -> bool:
    return any((folder / path).exists() for folder in (ROOT, ROOT / "perfbench"))


@pytest.mark.parametrize("document", DESCRIBING_CODE, ids=name_of)
def test_named_paths_exist(document: Path) -> None:
    text = re.sub(r"https://\S+", "", document.read_text(encoding="utf-8"))
    assert not sorted(path for path in find_paths(text) if not exists(path))


def test_documents_name_many_paths() -> None:
    assert sum(len(find_paths(document.read_text(encoding="utf-8"))) for document in DESCRIBING_CODE) > 50


def test_search_finds_paths_in_code_and_drawings() -> None:
    text = "see `stats/pairs.py` and `docs/`\n  │ runner/plan.py  results/journal.py │ `unit/<package>/test.py`"
    assert find_paths(text) == {"stats/pairs.py", "docs/", "runner/plan.py", "results/journal.py"}


def list_references() -> list[tuple[str, str, str]]:
    """The references to pages in the code: file, page, and heading (empty where none is named)."""
    pattern = re.compile(r'(docs/[\w/-]+\.md)(?:, "([^"]+)")?')
    return [
        (name_of(path), page, heading)
        for folder in ("perfbench", "scenarios", "benchmarks")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for page, heading in pattern.findall(path.read_text(encoding="utf-8"))
    ]


def test_code_refers_to_pages_and_headings_that_exist() -> None:
    references = list_references()
    assert len(references) > 20
    for file, page, heading in references:
        assert (ROOT / page).is_file(), f"{file}: {page}"
        text = (ROOT / page).read_text(encoding="utf-8")
        assert not heading or slugify(heading) in list_anchors(text), f"{file}: {page}, {heading}"


# Sources of figures -----------------------------------------------------------------------------------------------------------


def test_figures_name_saved_runs_that_exist() -> None:
    names = set()
    for page in sorted((DOCS / "concepts").glob("*.md")):
        for mark in re.findall(r"\[K ([a-z][^\]]*?)\]", page.read_text(encoding="utf-8")):
            names |= {
                name for name in re.split(r",| and ", mark) for name in [name.strip()] if not re.match(r"\d", name)
            }
    assert len(names) >= 5
    for name in names:
        assert list((ROOT / "results").glob(f"reference-{name}*.json")), name
