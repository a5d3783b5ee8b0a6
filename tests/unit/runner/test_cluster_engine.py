"""The client of a cluster, with a scheduler that is made up: what it submits, when, again, and when it gives up."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Generator
from concurrent.futures import CancelledError
from typing import Any

import pytest
from support.runs import MARKET, offer, scenario, settings

from perfbench.errors import EngineProblem
from perfbench.model import Draw, Machine, MeasuringMachine, Result
from perfbench.runner import plan
from perfbench.runner.state import Progress
from perfbench.runner.survey import cluster
from perfbench.runner.survey.cluster import OnCluster
from perfbench.runner.survey.draw import DrawTask
from perfbench.runner.survey.remote_task import JobEnded
from perfbench.runner.survey.sent_task import MeasuredDraw, PartsMissing, SentTask, TaskRefused

FACTS = Machine("Linux 6.1", "CPU", 2, 2**32, "CPython 3.11.7", 0.1, True)
Behaviour = Callable[[SentTask, list[str] | None], Any]


class Future:
    """A task that ended when it was submitted, or (``None``) never ends."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.status = "cancelled" if answer == "cancelled" else "pending" if answer is None else "finished"
        self.released = self.cancelled = False

    def add_done_callback(self, call: Callable[[Future], None]) -> None:
        if self.answer is not None:
            call(self)

    def result(self, timeout: float) -> Any:
        if self.status == "cancelled":
            raise CancelledError
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer if isinstance(self.answer, str) else pickle.dumps(self.answer)

    def done(self) -> bool:
        return self.answer is not None

    def release(self) -> None:
        self.released = True

    def cancel(self, force: bool) -> None:
        self.cancelled = force


class Client:
    """A scheduler with workers that answer at once."""

    def __init__(self, behaviour: Behaviour, *workers: str) -> None:
        self.behaviour = behaviour
        self.workers = list(workers)
        self.status = "running"
        self.keys: list[str] = []
        self.options: list[dict[str, Any]] = []
        self.futures: list[Future] = []
        self.given_up: list[Future] = []

    def scheduler_info(self, n_workers: int) -> dict[str, Any]:
        assert n_workers == -1
        known = {address: {"resources": {"perfbench": 1.0}} for address in self.workers}
        return {"workers": {**known, "tcp://other": {"resources": {}}}}

    def submit(self, function: Any, code: str, content: bytes, *, key: str, **options: Any) -> Future:
        assert function.__name__ == "measure_sent_task"
        assert code.startswith("0.")
        self.keys.append(key)
        self.options.append(options)
        future = Future(self.behaviour(pickle.loads(content), options["workers"]))
        self.futures.append(future)
        return future

    def cancel(self, futures: list[Future], force: bool) -> None:
        assert force
        self.given_up += futures


def tasks(count: int) -> list[DrawTask]:
    (group,) = plan.plan_groups([[offer(scenario("base", "one", uses_market=True))]], [MARKET], settings())
    return [DrawTask(Draw(number, f"1.{number}", 0.1), group, (), 1, settings()) for number in range(count)]


def measured(sent: SentTask, worker: str = "tcp://a") -> MeasuredDraw:
    batch = sent.task.draw.batch
    return MeasuredDraw(MeasuringMachine("", FACTS), "f", worker, ((Result(f"duet 0 {batch}", batch),),))


def always_measured(sent: SentTask, _workers: list[str] | None) -> MeasuredDraw:
    return measured(sent)


class Surroundings:
    """An engine on a client, its status lines, and a clock that goes on by a second whenever it is read."""

    def __init__(self, client: Client, patience: float = 5.0) -> None:
        self.lines: list[str] = []
        self.now = 0.0
        self.engine = OnCluster(client, "tcp://s:1", "run", patience, self.lines.append, self.clock)

    def clock(self) -> float:
        self.now += 1.0
        return self.now

    def measure(self, count: int) -> list[Result]:
        events = list(self.engine.measure(iter(tasks(count))))
        return [result for event in events if not isinstance(event, Progress) for result in event]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "POLL_SECONDS", 0.01)


def test_each_draw_is_one_task_with_a_stable_key_one_resource_and_two_retries() -> None:
    client = Client(always_measured, "tcp://a")
    results = Surroundings(client).measure(3)
    assert [result.case for result in results] == ["1.0", "1.1", "1.2"]
    assert client.keys == [f"draw-run-{number}.0-made_up/base@here#market-0" for number in range(3)]
    assert all(
        options == {"resources": {"perfbench": 1}, "retries": 2, "pure": False, "workers": None}
        for options in client.options
    )
    assert all(future.released for future in client.futures)


def test_tasks_are_taken_two_a_worker_and_the_next_only_when_one_ended() -> None:
    taken: list[int] = []

    def source() -> Any:
        for task in tasks(20):
            taken.append(task.draw.number)
            yield task

    client = Client(lambda _sent, _workers: None, "tcp://a", "tcp://b")
    events = Surroundings(client).engine.measure(source())
    assert isinstance(events, Generator)
    next(events)
    next(events)
    assert len(client.futures) == 4
    assert len(taken) == 5  # one more is ready to be submitted
    events.close()
    assert client.given_up == client.futures


def test_lost_scheduler_ends_the_survey_with_a_hint_to_resume() -> None:
    client = Client(lambda sent, _: measured(sent) if sent.task.draw.number < 2 else "cancelled", "tcp://a")
    with pytest.raises(EngineProblem, match="the scheduler at tcp://s:1 cannot be reached any more") as problem:
        Surroundings(client).measure(5)
    assert "--resume --cluster" in problem.value.hint


def test_client_without_connection_ends_the_survey_before_anything_is_submitted() -> None:
    client = Client(always_measured, "tcp://a")
    client.status = "connecting"
    with pytest.raises(EngineProblem):
        Surroundings(client).measure(2)
    assert not client.futures


def test_scheduler_without_workers_is_given_up_after_the_patience() -> None:
    surroundings = Surroundings(Client(always_measured))
    with pytest.raises(EngineProblem, match="no worker has joined tcp://s:1 for 5 s") as problem:
        surroundings.measure(1)
    assert problem.value.hint == "start one: perfbench worker tcp://s:1"


def test_survey_without_draws_needs_no_worker() -> None:
    assert Surroundings(Client(always_measured)).measure(0) == []


def test_worker_that_lacks_files_gets_them_with_the_next_attempt_and_later_draws_at_once() -> None:
    def behaviour(sent: SentTask, _workers: list[str] | None) -> Any:
        return measured(sent) if sent.contents is not None else PartsMissing(group=False, contents=True)

    client = Client(behaviour, "tcp://a")
    results = Surroundings(client).measure(6)
    assert sorted(result.case for result in results) == [f"1.{number}" for number in range(6)]
    attempts = [key.rpartition("-")[2] for key in client.keys]
    assert attempts.count("1") == 2  # the two that were with the scheduler already


def test_machine_that_refuses_gets_no_more_draws_and_its_reason_is_reported_once() -> None:
    def behaviour(sent: SentTask, workers: list[str] | None) -> Any:
        if workers is None or "tcp://b" in workers:
            return TaskRefused("ws2", "tcp://b", "Python 3.12 is not on this machine", hint="install it")
        return measured(sent)

    client = Client(behaviour, "tcp://a", "tcp://b")
    surroundings = Surroundings(client)
    results = surroundings.measure(8)
    assert sorted(result.case for result in results) == [f"1.{number}" for number in range(8)]
    assert set(surroundings.lines) == {"! ws2 measures nothing: Python 3.12 is not on this machine"}
    assert client.options[-1]["workers"] == ["tcp://a"]


def test_survey_ends_when_every_machine_refuses() -> None:
    client = Client(
        lambda _sent, _workers: TaskRefused("ws2", "tcp://a", "URLs need an extra", hint="install it"), "tcp://a"
    )
    with pytest.raises(EngineProblem, match="no worker of tcp://s:1 can measure: ws2: URLs need an extra") as problem:
        Surroundings(client).measure(2)
    assert problem.value.hint == "install it"


def test_worker_with_another_perfbench_is_refused() -> None:
    with pytest.raises(EngineProblem, match="can measure: ws 2: it has another perfbench"):
        Surroundings(Client(lambda _sent, _workers: "ws 2 tcp://a", "tcp://a")).measure(1)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (JobEnded("the process that measured 1.0 was killed by signal 9"), "was killed by signal 9, 3 times"),
        (type("KilledWorker", (Exception,), {})("key"), "every worker that measured it was killed"),
        (ValueError("two\nlines"), "ValueError: two lines"),
    ],
)
def test_draw_that_dask_gives_up_is_a_failure_and_the_others_are_measured(error: Exception, reason: str) -> None:
    client = Client(lambda sent, _: error if sent.task.draw.number == 0 else measured(sent), "tcp://a")
    results = Surroundings(client).measure(3)
    failures = [result.failure.message for result in results if result.failure is not None]
    assert len(failures) == 1
    assert failures[0].startswith("1.0: ")
    assert failures[0].endswith(reason)
    assert [result.case for result in results if result.case] == ["1.1", "1.2"]


def test_draw_that_only_one_machine_refused_for_its_size_is_a_failure() -> None:
    refused = TaskRefused("ws2", "tcp://a", "not at the same path on ws2, and too large to be sent", only_this=True)
    (result,) = Surroundings(Client(lambda _sent, _workers: refused, "tcp://a")).measure(1)
    assert result.failure is not None
    assert result.failure.message == "1.0: not at the same path on ws2, and too large to be sent"


def test_draw_that_is_refused_again_and_again_becomes_a_failure() -> None:
    refused = TaskRefused("ws2", "tcp://unknown", "Python 3.12 is not on this machine")
    client = Client(lambda _sent, _workers: refused, "tcp://a")
    (result,) = Surroundings(client).measure(1)
    assert result.failure is not None
    assert result.failure.message == "1.0: ws2: Python 3.12 is not on this machine"
    assert len(client.keys) == cluster.MAX_ATTEMPTS


def test_task_whose_workers_are_gone_is_submitted_to_those_that_are_there() -> None:
    client = Client(always_measured, "tcp://a", "tcp://b")

    def behaviour(sent: SentTask, workers: list[str] | None) -> Any:
        if workers is None:
            return TaskRefused("ws2", "tcp://b", "no")
        if workers == ["tcp://a"]:
            client.workers[:] = ["tcp://b", "tcp://c"]  # a ends, and c begins
            return None
        return measured(sent, "tcp://c")

    client.behaviour = behaviour
    results = Surroundings(client).measure(1)
    assert [result.case for result in results] == ["1.0"]
    assert [options["workers"] for options in client.options] == [None, ["tcp://a"], ["tcp://c"]]
    assert client.futures[1].cancelled
