"""docs/reference/data.md: its blocks run in order, and what they say of names and fields is true."""

from __future__ import annotations

import dataclasses
import re
import shlex
import shutil
from pathlib import Path

import pytest
from support.command_line import HERE, perfbench

from perfbench import results
from perfbench.report.selection import FIELDS, SORT_KEYS

ROOT = HERE.parent
PAGE = (ROOT / "docs" / "reference" / "data.md").read_text(encoding="utf-8")
KEPT = ("reference-headline", "reference-replay", "reference-live-early")
BLOCKS = re.findall(r"^```(python|console)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_page_has_blocks_of_both_kinds() -> None:
    assert {kind for kind, _ in BLOCKS} == {"python", "console"}
    assert len(BLOCKS) >= 6


def test_blocks_run_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "results").mkdir()
    for name in KEPT:
        shutil.copy(ROOT / "results" / f"{name}.json", tmp_path / "results")
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    for kind, block in BLOCKS:
        if kind == "python":
            exec(compile(block, "docs/reference/data.md", "exec"), namespace)
            assert capsys.readouterr().out.strip(), block
            continue
        for line in block.splitlines():
            program, *arguments = shlex.split(line.removeprefix("$ "))
            assert program == "perfbench"
            done = perfbench(*arguments, folder=tmp_path)
            assert done.returncode == 0, f"{line}\n{done.stderr}"
            assert done.stdout.strip(), line
    assert not (tmp_path / "results" / "reference-live-early.json").exists()
    assert sorted(path.stem for path in (tmp_path / "results").iterdir()) == ["reference-headline", "reference-replay"]


def test_fields_of_the_page_exist() -> None:
    kinds = {"samples()": results.SampleRow, "comparisons()": results.ComparisonRow, "totals()": results.TotalRow}
    rows = re.findall(r"^\| `(\w+\(\))` \| [^|]+ \| (.+) \|$", PAGE, re.MULTILINE)
    assert {name for name, _ in rows} == set(kinds)
    values = {"duet", "alone", "memory", "count"}
    for name, cell in rows:
        named = set(re.findall(r"`(\w+)`", cell)) - values
        assert named <= {field.name for field in dataclasses.fields(kinds[name])}, name


def test_filter_fields_and_sort_keys_of_the_page_are_those_of_the_command() -> None:
    text = PAGE.partition("`--filter` takes")[2]
    filters, _, sorts = text.partition("`--sort` takes")
    assert set(FIELDS) <= set(re.findall(r"`(\w+)`", filters))
    assert set(re.findall(r"`(\w+)`", sorts.partition(".")[0])) == set(SORT_KEYS)


def test_links_lead_to_files_and_headings() -> None:
    for target, heading in re.findall(r"\]\(([^)#:]+)(?:#([^)]+))?\)", PAGE):
        path = ROOT / "docs" / "reference" / target
        assert path.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}, heading
