"""The queue of duets: workers of the next one are started ahead, and only those of the duet that really comes are let go."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from perfbench.model import Case, CaseGroup, Result, Scenario, Trial
from perfbench.runner import duet
from perfbench.runner.duet import DuetQueue
from perfbench.runner.trial import Conditions

CASES = (Case("made_up", "before", "here", ""), Case("made_up", "after", "here", ""))


def trial(number: int) -> Trial:
    return Trial("duet", number, CASES, 1, (0, 1))


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int | None]]:
    """What happens to each duet: its event, its round, and the core that it was started on."""
    seen: list[tuple[str, int, int | None]] = []

    class MadeUpDuet:
        def __init__(self, trial: Trial, *_: object) -> None:
            self.trial, self.core = trial, _[3] if len(_) > 3 else None
            self.note("start")

        def note(self, event: str) -> None:
            seen.append((event, self.trial.round, self.core))  # type: ignore[arg-type]

        def wait(self) -> None:
            self.note("wait")

        def run(self) -> Iterator[Result]:
            self.note("run")
            yield Result(self.trial.id, CASES[0].id)

        def close(self) -> None:
            self.note("close")

    monkeypatch.setattr(duet, "StartedDuet", MadeUpDuet)
    return seen


def queue(spare: int | None) -> DuetQueue:
    group = CaseGroup(Scenario("made_up", "", "", "", "", "", ()), None, (), ())
    return DuetQueue(group, Conditions(1, 60.0, spare=spare))


def run(duets: DuetQueue, now: int, coming: int | None) -> None:
    list(duets.run(trial(now), (), lambda: None if coming is None else (trial(coming), ())))


def test_next_duet_is_started_on_the_spare_core_before_this_one_runs_and_then_used(
    events: list[tuple[str, int, int | None]],
) -> None:
    with queue(spare=0) as duets:
        run(duets, 1, 2)
        run(duets, 2, None)
    assert events == [
        ("start", 1, None), ("wait", 1, None), ("start", 2, 0), ("run", 1, None), ("wait", 2, 0), ("run", 2, 0),
    ]  # fmt: skip


def test_duet_that_does_not_come_is_ended_and_never_run(events: list[tuple[str, int, int | None]]) -> None:
    with queue(spare=0) as duets:
        run(duets, 1, 2)
        run(duets, 3, None)
    assert ("close", 2, 0) in events
    assert [(event, number) for event, number, _ in events if event == "run"] == [("run", 1), ("run", 3)]


def test_duet_that_waits_at_the_end_is_ended(events: list[tuple[str, int, int | None]]) -> None:
    with queue(spare=0) as duets:
        run(duets, 1, 2)
    assert events[-1] == ("close", 2, 0)


def test_machine_that_has_no_spare_core_starts_nothing_ahead(events: list[tuple[str, int, int | None]]) -> None:
    with queue(spare=None) as duets:
        run(duets, 1, 2)
    assert [number for _, number, _ in events] == [1, 1, 1]
