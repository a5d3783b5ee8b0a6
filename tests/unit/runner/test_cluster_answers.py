"""What a client accepts from the workers of a cluster: the same files everywhere, each result once, machines by their names."""

from __future__ import annotations

from dataclasses import replace

from support.runs import MARKET, offer, sample, scenario, settings

from perfbench.model import Draw, Machine, Market, MeasuringMachine, OpenedBatch, Result
from perfbench.runner import plan
from perfbench.runner.survey.cluster_answers import AnswerCheck
from perfbench.runner.survey.draw import DrawTask
from perfbench.runner.survey.sent_task import MeasuredDraw

FACTS = Machine("Linux 6.1", "CPU", 2, 2**32, "CPython 3.11.7", 0.1, True)


def task(batch: str = "1.23", before: tuple[Result, ...] = ()) -> DrawTask:
    (group,) = plan.plan_groups([[offer(scenario("base", "one", uses_market=True))]], [MARKET], settings())
    return DrawTask(Draw(0, batch, 0.1), group, (), 1, settings(), before)


def opened(batch: str = "1.23", sha256: str = "a" * 64) -> Result:
    return Result(f"open {batch}", "", opened=OpenedBatch(batch, 1, Market(batch, "", sha256, 1, 1, 1)))


def pair(number: int, machine: str = "ws1") -> tuple[Result, ...]:
    trial = f"duet {number} a + b"
    return tuple(
        Result(trial, case, sample=replace(sample(number, 1.0, pair=trial), machine=machine)) for case in ("a", "b")
    )


def answer(*events: tuple[Result, ...], machine: str = "ws1", fingerprint: str = "f1") -> MeasuredDraw:
    return MeasuredDraw(MeasuringMachine(machine, FACTS), fingerprint, "tcp://worker", events)


def test_machine_is_described_once_before_its_first_results() -> None:
    check = AnswerCheck()
    first = list(check.accept(task(), answer((opened(),), pair(0))))
    again = list(check.accept(task("1.24"), answer((opened("1.24"),), pair(1))))
    assert first[0][0].machine == MeasuringMachine("ws1", FACTS)  # type: ignore[index]
    assert first[1:] == [(opened(),), pair(0)]
    assert again == [(opened("1.24"),), pair(1)]


def test_machine_of_the_run_itself_is_not_described() -> None:
    events = list(AnswerCheck().accept(task(), answer((opened(),), pair(0, ""), machine="")))
    assert events == [(opened(),), pair(0, "")]


def test_two_machines_of_one_name_are_numbered_in_their_samples() -> None:
    check = AnswerCheck()
    list(check.accept(task(), answer((opened(),), pair(0))))
    (described, _, results) = check.accept(task("1.24"), answer((opened("1.24"),), pair(1), fingerprint="f2"))
    assert described[0].machine == MeasuringMachine("ws1 (2)", FACTS)  # type: ignore[index]
    assert {result.sample.machine for result in results if result.sample} == {"ws1 (2)"}  # type: ignore[union-attr]


def test_batch_with_other_bytes_than_on_another_machine_becomes_a_failure_without_samples() -> None:
    check = AnswerCheck()
    list(check.accept(task(), answer((opened(),), pair(0))))
    events = list(
        check.accept(task(), answer((opened(sha256="b" * 64),), pair(1, "ws2"), machine="ws2", fingerprint="f2"))
    )
    (failure,) = [result.failure for event in events for result in event if result.failure]  # type: ignore[union-attr]
    assert failure.message == ("1.23: another file on ws2 than on ws1 (SHA-256 bbbbbbbbbbbb…, not aaaaaaaaaaaa…)")
    assert not [result for event in events for result in event if result.sample]  # type: ignore[union-attr]


def test_batch_is_compared_with_results_of_an_interrupted_run_too() -> None:
    events = list(AnswerCheck().accept(task(before=(opened(),)), answer((opened(sha256="b" * 64),))))
    assert events[-1][0].failure is not None  # type: ignore[index]


def test_check_pass_of_two_draws_of_a_batch_at_once_counts_once() -> None:
    check = AnswerCheck()
    checked = (Result("check 0 a", "a", packages=()),)
    list(check.accept(task(), answer((opened(),), checked, pair(0))))
    events = list(check.accept(task(), answer((opened(),), checked, pair(1))))
    assert events == [(opened(),), pair(1)]


def test_second_result_of_one_trial_in_one_draw_is_kept() -> None:
    checked = (Result("check 0 a", "a"),)
    wrong = (Result("check 0 a", "a", packages=()),)
    events = list(AnswerCheck().accept(task(), answer((opened(),), checked, wrong)))
    assert events[-2:] == [checked, wrong]
