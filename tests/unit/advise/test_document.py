"""Saved advice is loaded as it was saved, and a journal up to its last complete line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.advices import CONFIRMED, advice

from perfbench.advise.document import (
    ADVICES,
    AdviceRecord,
    create_journal,
    find_damage,
    find_newest_journal,
    load_advice,
    read_journal,
)
from perfbench.advise.model import AdviceOptions, MarketSeconds
from perfbench.advise.search_steps import JoiningStep, PairAnswer, SearchResult
from perfbench.errors import StorageProblem

RECORDS = (
    AdviceRecord("pass 1.1", 3.5, passed=MarketSeconds("1.1", 3.1, 3.2, 44_687)),
    AdviceRecord("screen [] [0] 0 1", 7.0, answer=PairAnswer((0.1,), 7.0)),
)


def test_saved_advice_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    document = advice()
    ADVICES.save(document, ADVICES.locate("night", tmp_path))
    assert load_advice("night", tmp_path) == document
    assert load_advice(str(tmp_path / "night.advice.json"), tmp_path) == document


@pytest.mark.parametrize(
    ("result", "damage"),
    [
        (replace(CONFIRMED, combination=(0, 9)), "a candidate that there is not"),
        (replace(CONFIRMED, steps=(JoiningStep(-1, "first"),)), "a candidate that there is not"),
        (replace(CONFIRMED, screened=CONFIRMED.screened[:2]), "candidates and their pairs of unequal numbers"),
        (replace(CONFIRMED, gains=()), "an advice without pairs"),
        (SearchResult(), ""),
    ],
)
def test_advice_that_contradicts_itself_is_refused(result: SearchResult, damage: str, tmp_path: Path) -> None:
    document = advice(result)
    assert find_damage(document) == damage
    ADVICES.save(document, ADVICES.locate("night", tmp_path))
    if damage:
        with pytest.raises(StorageProblem, match=damage):
            load_advice("night", tmp_path)


def test_journal_gives_its_records_up_to_the_last_complete_line(tmp_path: Path) -> None:
    options = AdviceOptions(("mine",), ("inplay",), include_changes=True)
    file = create_journal(tmp_path, advice().run, options)
    for record in RECORDS:
        file.write([record])
    file.close()
    whole = file.path.stat().st_size
    with file.path.open("ab") as torn:
        torn.write(b'{"step":"verify')
    saved = read_journal(file.path)
    assert (saved.outline.options, saved.records, saved.length) == (options, RECORDS, whole)
    assert find_newest_journal(tmp_path) == file.path


@pytest.mark.parametrize("damage", [b"", b"{}\n", b"rubbish\n"])
def test_damaged_journal_is_one_clear_line(damage: bytes, tmp_path: Path) -> None:
    path = tmp_path / "night.advice-journal"
    path.write_bytes(damage)
    with pytest.raises(StorageProblem):
        read_journal(path)


def test_journal_with_a_step_twice_is_refused(tmp_path: Path) -> None:
    file = create_journal(tmp_path, advice().run, AdviceOptions())
    file.write([RECORDS[0], RECORDS[0]])
    file.close()
    with pytest.raises(StorageProblem, match="twice"):
        read_journal(file.path)


def test_folder_without_a_journal_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageProblem, match="no interrupted advice"):
        find_newest_journal(tmp_path)
