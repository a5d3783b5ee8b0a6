"""A pass over several market files: one after the other, with the sum of their work and the seconds of each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from perfbench.worker.batch import BatchCall, chain_calls
from perfbench.worker.scenario_api import ScenarioError, Work


def yields(*items: object) -> Iterator[object]:
    yield from items


def test_a_single_file_is_the_call_itself() -> None:
    def call() -> int:
        return 1

    assert chain_calls([call]) is call


def test_items_of_all_files_come_one_after_the_other() -> None:
    call = chain_calls([lambda: yields(1, 2), yields, lambda: yields(3)])
    assert list(call()) == [1, 2, 3]
    assert isinstance(call, BatchCall)
    assert len(call.parts) == 3
    assert min(call.parts) >= 0


def test_a_file_is_not_begun_before_the_last_one_has_ended() -> None:
    begun: list[int] = []

    def begin(number: int) -> Iterator[int]:
        begun.append(number)
        return iter([number])

    outcome = chain_calls([lambda: begin(1), lambda: begin(2)])()
    assert begun == [1]
    assert next(outcome) == 1
    assert begun == [1]
    assert next(outcome) == 2
    assert begun == [1, 2]


def test_amounts_and_seconds_are_added_and_the_seconds_of_each_file_kept() -> None:
    call = chain_calls([lambda: Work(3, seconds=0.5, bytes=9.0), lambda: Work(4, seconds=1.5, bytes=7.0)])
    work = call()
    assert (work.amount, work.seconds, work.numbers) == (7, 2.0, {})
    assert isinstance(call, BatchCall)
    assert call.parts == [0.5, 1.5]


def test_seconds_that_only_some_files_report_are_left_out() -> None:
    call = chain_calls([lambda: Work(3, seconds=0.5), lambda: 4])
    work = call()
    assert (work.amount, work.seconds) == (7, None)
    assert isinstance(call, BatchCall)
    assert len(call.parts) == 2


def test_outputs_of_work_are_joined_in_order() -> None:
    call = chain_calls([lambda: Work(2, output=["a", "b"]), lambda: Work(1, output=["c"])])
    assert list(call().output) == ["a", "b", "c"]


def test_a_mode_that_yields_for_one_file_and_not_for_another_is_refused() -> None:
    with pytest.raises(ScenarioError, match="yielded items for one market file and returned an amount for another"):
        list(chain_calls([lambda: yields(1), lambda: 2])())


def test_every_pass_notes_the_seconds_anew() -> None:
    call = chain_calls([lambda: yields(1), lambda: yields(2)])
    assert isinstance(call, BatchCall)
    for _ in range(2):
        list(call())
    assert len(call.parts) == 2


@pytest.mark.parametrize("yielding", [True, False])
def test_seconds_of_a_file_are_those_since_the_one_before_it(monkeypatch: pytest.MonkeyPatch, yielding: bool) -> None:
    readings = iter([1_000_000_000, 6_000_000_000, 8_000_000_000])
    monkeypatch.setattr("perfbench.worker.batch.time.process_time_ns", lambda: next(readings))
    call = BatchCall([lambda: yields(1), lambda: yields(2)] if yielding else [lambda: 1, lambda: 1])
    outcome = call()
    if yielding:
        list(outcome)
    assert call.parts == [5.0, 2.0]
