"""Which proposals are tried, and which exclude each other."""

from __future__ import annotations

import math

from support.advices import HERE_DIFFERENCE, proposal

from perfbench.advise.candidates import describe_candidates, find_exclusions, sort_proposals
from perfbench.advise.model import Candidate, OutputCheck
from perfbench.advise.search_steps import SearchCandidate


def test_proposals_of_levers_that_change_the_answer_are_left_out_unless_included() -> None:
    same, changing = proposal("a"), proposal("b", kind="changes")
    named = proposal("c", tried=False)
    left = sort_proposals([same, changing, named, same], include_changes=False)
    assert (left.tried, left.named) == ((same,), (named,))
    assert sort_proposals([same, changing], include_changes=True).tried == (same, changing)


def test_levers_that_ask_for_less_are_tried_first_and_those_in_other_environments_later() -> None:
    proposals = [
        proposal("a", environment="python==3.13"),
        proposal("b"),
        proposal("c", kind="changes"),
        proposal("d", kind="less"),
    ]
    tried = sort_proposals(proposals, include_changes=True).tried
    assert [own.lever for own in tried] == ["d", "b", "a", "c"]


def test_values_of_one_lever_and_words_for_one_thing_exclude_each_other() -> None:
    proposals = [
        proposal("seconds", "300", value="300"),
        proposal("seconds", "600", value="600"),
        proposal("a", environment="python==3.12"),
        proposal("b", environment="python==3.13 env:X=1"),
        proposal("c", environment="env:X=2"),
        proposal("d", environment="-O env:X=2"),
        proposal("e", environment="betfairlightweight[speed]"),
        proposal("f", environment="betfairlightweight==2.24.0"),
    ]
    assert find_exclusions(proposals) == [{1}, {0}, {3}, {2, 4, 5}, {3}, {3}, {7}, {6}]


def test_invalid_words_exclude_nothing() -> None:
    assert find_exclusions([proposal("a", environment="env:PATH=/x"), proposal("b", environment="env:PATH=/y")]) == [
        set(),
        set(),
    ]


def test_candidates_with_other_orders_are_timed_only_if_included_and_never_combined() -> None:
    candidates = [
        Candidate(proposal("a"), OutputCheck("same")),
        Candidate(proposal("b"), OutputCheck("changes", HERE_DIFFERENCE)),
        Candidate(proposal("c"), OutputCheck("failed", reason="it failed")),
        Candidate(proposal("d", kind="changes"), OutputCheck("same")),
        Candidate(proposal("e")),
    ]
    plain = describe_candidates(candidates, include_changes=False)
    assert [candidate.timed for candidate in plain] == [True, False, False, False, False]
    included = describe_candidates(candidates, include_changes=True)
    assert [(c.timed, c.combinable) for c in included] == [
        (True, True),
        (True, False),
        (False, False),
        (True, False),
        (False, False),
    ]
    assert plain[0] == SearchCandidate()


def test_seconds_of_the_check_pass_are_a_hint() -> None:
    candidates = [Candidate(proposal("a"), OutputCheck("same", seconds=1.5)), Candidate(proposal("b"))]
    assert [candidate.hint for candidate in describe_candidates(candidates, include_changes=False)] == [1.5, math.inf]
