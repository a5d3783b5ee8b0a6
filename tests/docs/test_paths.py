"""The paths that the documentation for contributors names exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("CONTRIBUTING.md", "docs/architecture.md", "docs/method.md")
EXAMPLES = {"signed_rank.py", "matcher.py", "perfbench/advise/levers/", "results/calibration.json"}
"""File names without their folder, a folder that comes later, and a file that a command writes."""


def find_paths(text: str) -> set[str]:
    """Paths in backticks and in drawings, without patterns such as ``<name>.py``."""
    named = re.findall(r"`([\w./*<>-]+(?:\.py|\.md|\.toml|\.json|/))`", text)
    drawn = re.findall(r"(?<![\w./*`-])((?:\w+/)+\w+\.py)\b", text)
    return {path for path in {*named, *drawn} if not re.search(r"[<>*]", path)} - EXAMPLES


def exists(path: str) -> bool:
    return any((folder / path).exists() for folder in (ROOT, ROOT / "perfbench"))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_named_paths_exist(document: str) -> None:
    paths = find_paths((ROOT / document).read_text(encoding="utf-8"))
    assert len(paths) > 10
    assert not sorted(path for path in paths if not exists(path))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_to_files_and_headings(document: str) -> None:
    folder = (ROOT / document).parent
    for target, heading in re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", (ROOT / document).read_text(encoding="utf-8")):
        path = folder / target if target else ROOT / document
        assert path.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}, heading


def test_search_finds_paths_in_code_and_drawings() -> None:
    text = "see `stats/pairs.py` and `docs/`\n  │ runner/plan.py  results/journal.py │ `unit/<package>/test.py`"
    assert find_paths(text) == {"stats/pairs.py", "docs/", "runner/plan.py", "results/journal.py"}


def test_make_tasks_of_the_documentation_exist() -> None:
    tasks = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for document in ("README.md", "CONTRIBUTING.md"):
        named = set(re.findall(r"(?:`|^)make ([a-z-]+)", (ROOT / document).read_text(encoding="utf-8"), re.MULTILINE))
        assert named
        assert named <= tasks, document
