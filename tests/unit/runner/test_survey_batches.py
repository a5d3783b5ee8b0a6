"""Batches of a corpus, from names and sizes alone: small members together, large ones alone, the same plan every time."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import pytest

from perfbench.datasets.corpus.listing import Listing
from perfbench.datasets.corpus.members import MemberTable, Source
from perfbench.runner.survey.batches import (
    BATCH_BYTES,
    EXPANSION,
    MAX_BATCH_MARKETS,
    MAX_DRAWS,
    SurveyPlan,
    plan_survey,
)


def listing_of(sizes: Sequence[int], suffix: str = "") -> Listing:
    """A folder of files ``m0000``, ``m0001``, … of these sizes."""
    table = MemberTable(
        sources=[Source("folder", "/archive", "archive")],
        paths=[f"m{number:04d}{suffix}" for number in range(len(sizes))],
        source_numbers=array("i", [0] * len(sizes)),
        positions=array("q", [0] * len(sizes)),
        packed_bytes=array("q", sizes),
    )
    return Listing(table, (), 0, {"hidden": 1200, "empty": 1}, "digest")


def plan_of(sizes: Sequence[int], suffix: str = "", seed: int = 7, *, together: bool = True) -> SurveyPlan:
    return plan_survey(listing_of(sizes, suffix), "archive", seed, together=together)


MIXTURE = [2_000_000, 10, 700_000, 900_000, 3_000_000, 500_000, 1, 600_000] * 12


def test_same_listing_and_seed_give_the_same_plan() -> None:
    first, second = plan_of(MIXTURE), plan_of(MIXTURE)
    assert first.batches == second.batches
    assert first.corpus == second.corpus


def test_another_seed_gives_other_batches_and_draws() -> None:
    first, second = plan_of(MIXTURE, seed=1), plan_of(MIXTURE, seed=2)
    assert first.batches != second.batches
    assert [draw.batch for draw in first.corpus.draws] != [draw.batch for draw in second.corpus.draws]


def test_every_member_is_in_one_batch() -> None:
    for together in (True, False):
        plan = plan_of(MIXTURE, together=together)
        members = [member for batch in plan.batches for member in batch.members]
        assert sorted(members) == list(range(len(MIXTURE)))
        assert sum(batch.share for batch in plan.batches) == pytest.approx(1.0)
        assert sum(batch.packed_bytes for batch in plan.batches) == sum(MIXTURE) == plan.corpus.packed_bytes


def test_member_of_the_size_of_a_batch_is_alone() -> None:
    plan = plan_of([BATCH_BYTES, BATCH_BYTES - 1, BATCH_BYTES - 1])
    assert [batch.members for batch in plan.batches if 0 in batch.members] == [(0,)]


def test_small_members_are_grouped_until_their_bytes_suffice() -> None:
    plan = plan_of([400_000] * 40)
    assert {len(batch.members) for batch in plan.batches} == {4}
    assert all(batch.packed_bytes == 1_600_000 for batch in plan.batches)


def test_rest_of_the_small_members_is_a_batch_too() -> None:
    plan = plan_of([400_000] * 42)
    assert sorted(len(batch.members) for batch in plan.batches) == [2, *[4] * 10]


def test_no_batch_has_more_markets_than_can_be_unpacked_at_a_time() -> None:
    plan = plan_of([100] * (2 * MAX_BATCH_MARKETS + 50))
    assert sorted(len(batch.members) for batch in plan.batches) == [50, MAX_BATCH_MARKETS, MAX_BATCH_MARKETS]


@pytest.mark.parametrize("suffix", ["", ".bz2", ".GZ", ".zst"])
def test_packed_members_count_with_what_they_unpack_to(suffix: str) -> None:
    size = 100_000
    expected = -(-BATCH_BYTES // (size * EXPANSION.get(suffix.lower(), 1)))
    assert {len(batch.members) for batch in plan_of([size] * expected * 3, suffix).batches} == {expected}


def test_suffix_of_a_file_that_is_a_source_itself_counts() -> None:
    table = MemberTable(
        sources=[Source("file", f"/archive/m{n}.bz2", f"m{n}.bz2") for n in range(2)],
        paths=["", ""],
        source_numbers=array("i", [0, 1]),
        positions=array("q", [0, 0]),
        packed_bytes=array("q", [200_000, 200_000]),
    )
    plan = plan_survey(Listing(table, (), 0, {}, ""), "two", 1, together=True)
    assert [batch.members for batch in plan.batches] == [(0,), (1,)]


def test_members_stay_alone_where_they_are_not_replayed_together() -> None:
    plan = plan_of([100] * 30, together=False)
    assert [batch.members for batch in plan.batches] == [(number,) for number in range(30)]


def test_batch_has_the_name_of_its_first_member_and_the_number_of_the_others() -> None:
    plan = plan_of([400_000] * 8)
    first = plan.batches[0]
    assert first.members[0] == 0
    assert first.name == "m0000 + 3 more"
    assert plan.find("m0000 + 3 more") is first
    assert plan_of([400_000]).batches[0].name == "m0000"
    assert len({batch.name for batch in plan.batches}) == len(plan.batches)


def test_corpus_says_what_was_listed_and_what_was_left_out() -> None:
    corpus = plan_of(MIXTURE).corpus
    assert (corpus.name, corpus.members, corpus.digest) == ("archive", len(MIXTURE), "digest")
    assert corpus.skipped == ("1,200 hidden", "1 empty")


def test_every_batch_is_drawn_once_and_the_last_draw_of_a_census_has_no_threshold() -> None:
    plan = plan_of(MIXTURE)
    draws = plan.corpus.draws
    assert sorted(draw.batch for draw in draws) == sorted(batch.name for batch in plan.batches)
    assert [draw.number for draw in draws] == list(range(len(draws)))
    assert all(draw.threshold > 0 for draw in draws[:-1])
    assert draws[-1].threshold == 0.0
    assert all(draw.share == plan.find(draw.batch).share for draw in draws)


def test_no_more_draws_are_planned_than_a_survey_makes_and_more_do_not_change_the_first() -> None:
    sizes = [BATCH_BYTES + number for number in range(MAX_DRAWS + 50)]
    plan = plan_of(sizes)
    assert len(plan.corpus.draws) == MAX_DRAWS
    assert plan.corpus.draws[-1].threshold > 0
    longer = plan_survey(listing_of(sizes), "archive", 7, together=True, draws=MAX_DRAWS + 20)
    assert longer.corpus.draws[:MAX_DRAWS] == plan.corpus.draws


def test_empty_members_keep_a_share_with_which_they_can_be_drawn() -> None:
    plan = plan_of([0, BATCH_BYTES], together=False)
    assert plan.batches[0].share > 0
    assert len(plan.corpus.draws) == 2
