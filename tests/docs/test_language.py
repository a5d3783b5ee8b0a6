"""The vocabulary of CONTRIBUTING.md in code, help, messages and docs: no retired word, no filler name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from perfbench_docs.blocks import strip_blocks
from perfbench_docs.pages import list_pages

ROOT = Path(__file__).resolve().parents[2]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

FILLER_NAMES = {"found", "one", "known", "asked"}

ALLOWED = {
    ("*", "on demand"): "a standing expression of English",
    ("*", "of course"): "the same",
    ("*", "in terms of"): "the same",
    ("perfbench/report/build.py", "market.doubts"): "a key of saved runs",
    ("perfbench/report/survey_table.py", "market.doubts"): "the same",
    (
        "perfbench/runner/survey/opening.py",
        "doubts=tuple(dict.fromkeys(doubt for file in files for doubt in file.doubts))",
    ): "the same",
    ("perfbench/cli/commands/gate.py", "demands="): "a key of saved runs",
    ("perfbench/report/profiles/memory.py", "summary.remark"): "a key of saved profiles",
    ("perfbench/profiling/memory/allocations.py", "summary.remark"): "the same",
    ("perfbench/profiling/memory/allocations.py", "remark="): "the same",
    ("perfbench/profiling/memory/model.py", "``remark``"): "the same",
    ("perfbench/profiling/memory/model.py", "remark: str"): "the same",
    ("perfbench/model/plan.py", "doubts"): "a key of saved runs",
    ("perfbench/datasets/description.py", "doubts="): "the same",
    ("perfbench/datasets/head.py", "doubts=(*market.doubts,"): "the same",
    ("perfbench/model/gate.py", "demands"): "the same",
    ("perfbench/results/merge.py", "the ratio is doubtful"): "what a warning says of a ratio",
    ("perfbench/runner/prepare.py", "policy.demands"): "the same",
    ("perfbench/model/environment.py", "demanded"): "the same",
    ("perfbench/environments/provide.py", "demanded="): "the same",
    ("perfbench/environments/locked_build.py", "demanded="): "the same",
    ("perfbench/runner/imported_versions.py", "environment.demanded"): "the same",
    ("perfbench/runner/script_metadata.py", "environment.demanded"): "the same",
}
"""Phrases that may contain a retired word: file (or * for all) and phrase, with the reason."""


def list_retired_words() -> list[str]:
    """The terms in code of the last column of the vocabulary."""
    section = CONTRIBUTING.partition("## Vocabulary\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ") and not line.startswith("| word |")]
    return [word for row in rows for word in re.findall(r"`([^`]+)`", row.rstrip("| ").rpartition("|")[2])]


def list_sources() -> list[Path]:
    """Everything whose words users or contributors read."""
    patterns = (
        "CHANGELOG.md",
        "Makefile",
        "docs/llms.txt",
        "docs/conf.py",
        "docs/_ext/**/*.py",
        "sample_data/MANIFEST.toml",
        ".github/**/*.yml",
        "perfbench/**/*.py",
        "perfbench/**/*.html",
        "scenarios/*/*.py",
        "benchmarks/*.py",
        "tests/data/golden/help*.txt",
    )
    return sorted([*list_pages(), *(path for pattern in patterns for path in ROOT.glob(pattern))])


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def strip_allowed(name: str, text: str) -> str:
    for file, phrase in ALLOWED:
        if file in ("*", name):
            text = text.replace(phrase, "")
    return text


def find_retired(text: str, words: Iterable[str]) -> Iterator[str]:
    """Each retired word with its line, also across a line break. Parts of names between underscores count as words."""
    alternatives = "|".join(r"\s+".join(map(re.escape, word.split())) for word in words)
    for match in re.finditer(rf"(?<![a-z])(?:{alternatives})(?![a-z])", text, re.IGNORECASE):
        start = text.rfind("\n", 0, match.start()) + 1
        line = text[start:].partition("\n")[0].strip()
        yield f"{text.count(chr(10), 0, match.start()) + 1}: {match[0]!r} in {line[:100]}"


def find_filler_names(tree: ast.AST) -> Iterator[str]:
    """Variables and parameters that say nothing of their value."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in FILLER_NAMES:
            yield f"{node.lineno}: {node.id}"
        if isinstance(node, ast.arg) and node.arg in FILLER_NAMES:
            yield f"{node.lineno}: {node.arg}"


def test_vocabulary_lists_words_to_check() -> None:
    words = list_retired_words()
    assert len(words) > 40
    assert {"told", "said", "judged", "mends", "anew", "by turns", "in turn", "sees from"} <= set(words)


def test_search_finds_retired_words_in_prose_and_names_but_not_inside_other_words() -> None:
    text = "It was Told.\nrequire_anew_check()\nrecommended, scolded; pairs by\nturns"
    lines = [line.split(":")[0] for line in find_retired(text, ["told", "anew", "mend", "by turns"])]
    assert lines == ["1", "2", "3"]


def test_search_finds_filler_names_of_variables_and_parameters() -> None:
    tree = ast.parse("found = 1\ndef f(asked): return asked\n[one for one in ()]\nobject.known = 2")
    assert sorted(find_filler_names(tree)) == ["1: found", "2: asked", "3: one"]


@pytest.mark.parametrize("path", list_sources(), ids=name_of)
def test_file_has_no_retired_word(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        text = strip_blocks(text)  # saved runs keep the words of their time; the table builders are checked
    assert not list(find_retired(strip_allowed(name_of(path), text), list_retired_words()))


@pytest.mark.parametrize("path", [path for path in list_sources() if path.suffix == ".py"], ids=name_of)
def test_file_has_no_filler_names(path: Path) -> None:
    assert not list(find_filler_names(ast.parse(path.read_text(encoding="utf-8"))))


def list_test_names(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [function.name for function in functions if function.name.startswith("test_")]


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("test_*.py")), ids=name_of)
def test_test_names_begin_with_their_subject(path: Path) -> None:
    assert not [name for name in list_test_names(path) if re.match(r"test_(it|what|who|that|without)_", name)]
