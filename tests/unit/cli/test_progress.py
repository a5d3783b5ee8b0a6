"""What a session reports on standard error, with and without a terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.runs import MARKET, offer, run, scenario, settings

from perfbench.cli.heartbeat import LINE_INTERVAL
from perfbench.cli.progress import TerminalListener, describe_plan, format_duration
from perfbench.model import GatePolicy
from perfbench.runner import plan
from perfbench.runner.prepare import PreparedRun
from perfbench.runner.state import Progress


def prepared(markets: int, **changes: object) -> PreparedRun:
    offers = [offer(scenario("base", "one", uses_market=True))]
    given = [replace(MARKET, name=f"1.{n}", path=f"/1.{n}") for n in range(markets)]
    wanted = settings(**changes)
    return PreparedRun(tuple(plan.plan_groups([offers], given, wanted)), replace(run([]), settings=wanted))


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"max_time": 300.0}, "at most 5 min in all, but one round of each in any case"),
        ({"max_time": 1.0}, "at most 1 s in all, but one round of each"),
        ({"gate": GatePolicy()}, "at most 1 min in all, but the fewest pairs of a verdict of each"),
        ({"rounds": 2}, "2 rounds each"),
    ],
)
def test_plan_names_the_markets_and_the_longest_time(changes: dict[str, object], text: str) -> None:
    line = describe_plan(prepared(40, **changes))
    assert line.startswith("40 markets, 80 cases in 40 tables: ")
    assert text in line


def test_plan_of_a_single_table_is_not_announced(capsys: pytest.CaptureFixture[str]) -> None:
    TerminalListener(quiet=False).announce_plan(prepared(1))
    TerminalListener(quiet=True).announce_plan(prepared(3))
    assert capsys.readouterr().err == ""
    TerminalListener(quiet=False).announce_plan(prepared(3))
    assert capsys.readouterr().err.startswith("3 markets, ")


def test_line_of_progress_appears_every_ten_seconds_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    clock, plan_of_two = Clock(), prepared(2)
    listener = TerminalListener(False, clock)
    listener.announce_plan(plan_of_two)
    capsys.readouterr()
    for group in plan_of_two.tables:
        for _ in range(8):
            clock.now += LINE_INTERVAL / 4
            listener.report_progress(group, Progress("round 1: base + one", 0.5, 12.0))
    assert capsys.readouterr().err.splitlines() == [
        "10 s: table 1 of 2: made_up (1.0) round 1: base + one, 12 s left",
        "20 s: table 1 of 2: made_up (1.0) round 1: base + one, 12 s left",
        "30 s: table 2 of 2: made_up (1.1) round 1: base + one, 12 s left",
        "40 s: table 2 of 2: made_up (1.1) round 1: base + one, 12 s left",
    ]


def test_quiet_listener_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    listener = TerminalListener(True, clock)
    clock.now = 100.0
    listener.report_progress(prepared(1).tables[0], Progress("round 1", 0.0, None))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(45, "45 s"), (60, "1 min"), (90, "1 min 30 s"), (290, "4 min 50 s"), (300, "5 min"), (12_000, "3 h 20 min")],
)
def test_duration(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
