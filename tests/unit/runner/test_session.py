"""The session that every measuring command runs in: signals, journal, outcome."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from support.runs import offer, scenario, settings

from perfbench.errors import Interrupted, StorageProblem
from perfbench.model import CaseGroup, Result, Run
from perfbench.runner import plan
from perfbench.runner import session as session_module
from perfbench.runner.interrupts import handle_interrupts
from perfbench.runner.session import Session
from perfbench.runner.state import Progress


class Recorder:
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.progress: list[str] = []
        self.ended = 0

    def report_status(self, line: str) -> None:
        self.lines.append(line)

    def follow_results(self, run: Run, results: Sequence[Result]) -> None:
        del run, results

    def report_progress(self, group: CaseGroup, progress: Progress) -> None:
        del group
        self.progress.append(progress.doing)

    def end_progress(self) -> None:
        self.ended += 1


@pytest.fixture
def group() -> CaseGroup:
    (made,) = plan.plan_groups([[offer(scenario("base", "one"))]], [], settings())
    return made


@pytest.fixture
def default_hangup() -> Iterator[None]:
    """A hang-up that is not ignored, although the tests may run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


Events = Iterator[tuple[CaseGroup, Progress | Sequence[str]]]


def events(group: CaseGroup, count: int = 3) -> Events:
    for number in range(count):
        yield group, Progress(f"trial {number}", number / count, None)
        yield group, (f"result {number}",)


def test_session_records_each_result_before_the_next_trial(tmp_path: Path, group: CaseGroup) -> None:
    listener, recorded = Recorder(), list[str]()
    with Session(tmp_path, listener) as session:
        outcome = session.execute(events(group), recorded.extend)
    assert outcome.complete
    assert recorded == ["result 0", "result 1", "result 2"]
    assert listener.progress == ["trial 0", "trial 1", "trial 2"]
    assert listener.ended == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_the_trials_and_keeps_what_was_recorded(
    tmp_path: Path, group: CaseGroup, number: int, default_hangup: None
) -> None:
    recorded: list[str] = []

    def interrupted() -> Events:
        yield group, ("first",)
        os.kill(os.getpid(), number)
        yield group, ("never",)

    with Session(tmp_path, Recorder()) as session:
        outcome = session.execute(interrupted(), recorded.extend)
    assert outcome.interrupted
    assert not outcome.complete
    assert recorded == ["first"]
    assert session.hung_up is (number == signal.SIGHUP)


def test_terminal_that_takes_no_more_lines_does_not_end_the_trials(tmp_path: Path, group: CaseGroup) -> None:
    class Closed(Recorder):
        def report_progress(self, group: CaseGroup, progress: Progress) -> None:
            raise OSError(errno.EIO, "Input/output error")

        def end_progress(self) -> None:
            raise OSError(errno.EIO, "Input/output error")

    recorded: list[str] = []
    with Session(tmp_path, Closed()) as session:
        assert session.execute(events(group), recorded.extend).complete
    assert recorded == ["result 0", "result 1", "result 2"]


def test_signal_whose_exception_was_lost_still_ends_the_trials(tmp_path: Path, group: CaseGroup) -> None:
    def lossy() -> Events:
        with contextlib.suppress(KeyboardInterrupt):  # as in a finaliser, whose exceptions Python drops
            os.kill(os.getpid(), signal.SIGINT)
        yield group, ("first",)
        yield group, ("never",)

    recorded: list[str] = []
    with Session(tmp_path, Recorder()) as session:
        assert session.execute(lossy(), recorded.extend).interrupted
    assert recorded == ["first"]


def test_full_disk_ends_the_trials_with_its_problem(tmp_path: Path, group: CaseGroup) -> None:
    def refuse(_results: Sequence[str]) -> None:
        raise StorageProblem("the disk is full", hint="free some space")

    listener = Recorder()
    with Session(tmp_path, listener) as session:
        outcome = session.execute(events(group), refuse)
    assert outcome.problem is not None
    assert outcome.problem.hint == "free some space"
    assert listener.progress == ["trial 0"]


def test_signal_while_preparing_reports_that_nothing_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(session_module, "prepare_run", interrupt)
    with Session(tmp_path, Recorder()) as session, pytest.raises(Interrupted, match="nothing was measured yet"):
        session.prepare(settings(), None)


def test_handlers_and_workspace_are_removed_after_the_session(tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with Session(tmp_path, Recorder()) as session:
        assert session.workspace.is_dir()
        assert signal.getsignal(signal.SIGTERM) is not before[1]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert not session.workspace.exists()


def test_other_threads_install_no_handlers() -> None:
    seen: list[bool] = []

    def work() -> None:
        with handle_interrupts() as interrupts:
            seen.append(interrupts.received)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
