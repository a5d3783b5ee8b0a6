"""Markets that train and markets that are held out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.runs import MARKET, scenario, settings

from perfbench.advise.markets import find_corpus, split_groups
from perfbench.model import CaseGroup


def groups(count: int) -> list[CaseGroup]:
    return [CaseGroup(scenario("run"), replace(MARKET, name=f"1.{n}"), (), ()) for n in range(count)]


@pytest.mark.parametrize(("count", "training"), [(2, 1), (3, 1), (6, 2), (7, 2), (60, 20)])
def test_a_third_of_the_markets_trains_and_the_others_are_held_out(count: int, training: int) -> None:
    split = split_groups(groups(count))
    assert len(split.training) == training
    assert not set(map(id, split.training)) & set(map(id, split.held_out))
    assert len(split.all) == count


def test_single_market_trains_and_confirms() -> None:
    split = split_groups(groups(1))
    assert split.training == split.held_out == split.all


def test_three_files_are_no_corpus_and_four_are(tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    for number in range(4):
        (folder / f"1.{number}").write_bytes(b"x" * (number + 1))
    paths = [str(folder / f"1.{number}") for number in range(4)]
    assert find_corpus(settings()) is None
    assert find_corpus(settings(data=tuple(paths[:3]))) is None
    corpus = find_corpus(settings(data=tuple(paths)))
    assert corpus is not None
    assert (corpus.size.members, corpus.size.packed_bytes) == (4, 10)
    assert corpus.packed_bytes["1.2"] == 3
