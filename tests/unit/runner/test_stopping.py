"""Stopping rules as values."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.runs import settings

from perfbench.model import Case, GatePolicy, PairBudget
from perfbench.runner.stopping import (
    FixedRounds,
    SequentialGate,
    UntilPrecise,
    choose_rule,
    compute_half_width,
)
from perfbench.runner.time_limit import QUICK_ROUNDS
from perfbench.stats.signed_rank import ADAPTIVE_LOOKS, Estimate, estimate

BEFORE, AFTER = Case("replay", "full", "bflw==1", "m"), Case("replay", "full", "bflw==2", "m")
NARROW = [0.1 + 0.0001 * (number % 3) for number in range(8)]
WIDE = [0.1 if number % 2 else 0.5 for number in range(8)]


def estimates(*pairs: list[float]) -> list[Estimate | None]:
    return [estimate(logs, 0.95) for logs in pairs]


def test_rule_follows_from_rounds_then_gate_then_precision() -> None:
    gate = GatePolicy(seconds=5.0)
    assert choose_rule(settings(rounds=4), 1) == FixedRounds(4)
    assert choose_rule(settings(rounds=4, gate=gate), 1) == FixedRounds(4, wants_verdicts=True)
    assert choose_rule(settings(rounds=4, quick=True), 1) == FixedRounds(4)
    assert choose_rule(settings(rounds=QUICK_ROUNDS, quick=True), 1) == FixedRounds(QUICK_ROUNDS, is_timed=True)
    assert choose_rule(settings(gate=gate), 3) == SequentialGate(gate, 3)
    assert choose_rule(settings(precision=0.02), 1) == UntilPrecise(0.02)


def test_fixed_rounds_never_stop_early() -> None:
    rule = FixedRounds(5)
    assert rule.max_rounds == rule.predict_rounds(2, [], lambda _level: estimates(NARROW)) == 5
    assert not rule.should_stop(4, lambda _level: estimates(NARROW))
    assert not rule.is_settled(BEFORE, AFTER, NARROW)


@pytest.mark.parametrize(
    ("rounds", "pairs", "stops"),
    [(8, [NARROW], True), (8, [NARROW, WIDE], False), (9, [NARROW], False)],
    ids=["all narrow at a look", "one wide", "narrow but no look"],
)
def test_until_precise_stops_at_looks(rounds: int, pairs: list[list[float]], stops: bool) -> None:
    assert UntilPrecise(precision=0.01).should_stop(rounds, lambda _level: estimates(*pairs)) is stops


def test_only_rules_without_a_fixed_number_of_pairs_end_with_the_time() -> None:
    rules = (UntilPrecise(0.01), FixedRounds(3), FixedRounds(2, is_timed=True), SequentialGate(GatePolicy(), 1))
    assert [rule.is_timed for rule in rules] == [True, False, True, False]


def test_half_width_is_that_of_the_widest_interval_and_unknown_while_one_has_none() -> None:
    widest = compute_half_width(lambda _level: estimates(NARROW, WIDE))
    assert widest == compute_half_width(lambda _level: estimates(WIDE))
    assert widest is not None
    assert widest > 0.1
    assert compute_half_width(lambda _level: [*estimates(NARROW), None]) is None


def test_until_precise_waits_for_pairs_without_interval() -> None:
    assert not UntilPrecise(0.01).should_stop(8, lambda _level: [None])


def test_until_precise_predicts_a_look() -> None:
    rule = UntilPrecise(0.01)
    assert rule.predict_rounds(8, [], lambda _level: estimates(NARROW)) == 12
    assert rule.predict_rounds(8, [], lambda _level: estimates(WIDE)) == ADAPTIVE_LOOKS[-1]


def test_gate_settles_a_pair_when_it_is_clear_or_its_budget_is_used_up() -> None:
    policy = GatePolicy(pairs=(PairBudget(BEFORE.id, AFTER.id, 24),))
    rule = SequentialGate(policy, comparisons=1)
    slower, unclear = [0.1 + 0.001 * n for n in range(12)], [0.004 * (-1) ** n for n in range(24)]
    assert rule.is_settled(BEFORE, AFTER, slower)
    assert not rule.is_settled(BEFORE, AFTER, slower[:11])
    assert not rule.is_settled(BEFORE, AFTER, [0.03 * (-1) ** n for n in range(17)])
    assert rule.is_settled(BEFORE, AFTER, unclear)
    assert rule.predict_rounds(3, [(BEFORE, AFTER)], lambda _level: []) == 24
    assert not rule.should_stop(24, lambda _level: [])


def test_gate_needs_more_pairs_the_more_comparisons_share_its_level() -> None:
    policy = GatePolicy(pairs=(PairBudget(BEFORE.id, AFTER.id, 136),))
    logs = [0.02 + 0.004 * (-1) ** n for n in range(12)]
    alone = SequentialGate(policy, comparisons=1)
    assert alone.is_settled(BEFORE, AFTER, logs)
    assert not replace(alone, comparisons=50).is_settled(BEFORE, AFTER, logs)
