"""What a run compared and what came of it, in a few words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.runs import gated, measurement, run, settings, sides_of

from perfbench.model import Case, GatePolicy, OutputDifference, Run, Settings
from perfbench.report import build
from perfbench.report.run_subject import describe_command, describe_subject, is_calibration
from perfbench.report.run_summary import describe_verdict

STEADY = [1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 1.01, 0.99] * 3


def verdict_of(made: Run) -> str:
    return describe_verdict(build.build_report(made, ()))


def modes(**factors: float) -> Run:
    others = [measurement(mode, [factor * seconds for seconds in STEADY]) for mode, factor in factors.items()]
    return run([measurement("base", STEADY, baseline=True), *others])


def test_single_ratio_is_named_with_its_size_and_several_are_counted_by_mark() -> None:
    assert verdict_of(modes(fast=0.4)) == "2.5x faster ▲"
    assert verdict_of(modes(slow=1.04)) == "+4.0 % ▼"
    assert verdict_of(modes(c=3.0, a=0.4, b=0.5, d=1.0)) == "2 ▲ 1 ▼ 1 ="
    assert verdict_of(run([measurement("only", STEADY, baseline=True)])) == "measured"


def test_status_that_is_not_ok_comes_first() -> None:
    assert verdict_of(replace(modes(fast=0.4), finished=False)) == "unfinished, 2.5x faster ▲"
    made = modes(fast=0.4, other=0.5)
    difference = OutputDifference(7, "price", "1", "2", against=made.measurements[0].case.id)
    other = replace(made.measurements[2], differences=(difference,))
    assert verdict_of(replace(made, measurements=(*made.measurements[:2], other))) == "outputs differ, 2.5x faster ▲"
    assert verdict_of(replace(run([]), problems=("no such file",))) == "not measured"


def test_gate_has_its_status_or_the_counts_of_its_cases() -> None:
    same = sides_of("a", STEADY, STEADY)
    slower = sides_of("b", STEADY, [1.2 * seconds for seconds in STEADY])
    assert verdict_of(gated(same, most=24)) == "passed: 1 unchanged"
    assert verdict_of(gated(same, slower, most=24)) == "regressed"


def test_calibration_has_no_verdict_and_a_gate_of_one_environment_has() -> None:
    groups = (("here", "here"),)
    policy = GatePolicy()
    assert is_calibration(settings(gate=policy, environments=groups, rounds=96))
    assert is_calibration(settings(gate=replace(policy, injected=(0.01,)), environments=groups, rounds=48))
    assert not is_calibration(settings(gate=policy, environments=groups))
    assert not is_calibration(settings(environments=groups, rounds=8))


@pytest.mark.parametrize(
    ("changes", "command"),
    [
        ({}, "run"),
        ({"environments": (("old", "new"),)}, "compare"),
        ({"environments": (("1", "2"),), "links": "neighbours"}, "sweep"),
        ({"environments": (("1", "2"),), "gate": GatePolicy()}, "gate"),
        ({"environments": (("1", "1"),), "gate": GatePolicy(), "rounds": 96}, "calibrate"),
    ],
)
def test_command_follows_from_the_settings(changes: dict[str, object], command: str) -> None:
    assert describe_command(settings(**changes)) == command


def cases(*modes: str, data: str = "PRO-1") -> list[Case]:
    return [Case("replay", mode, "here", data) for mode in modes]


@pytest.mark.parametrize(
    ("made", "listed", "corpus", "text"),
    [
        (settings(), cases("light", "full"), "", "replay · light, full · PRO-1"),
        (settings(), cases(*"abcde"), "2025.tar", "replay · a, b, c + 2 more · 2025.tar"),
        (
            settings(environments=(("b==2.11.2", "b==2.12.0"),)),
            cases("full"),
            "",
            "replay · full · b 2.11.2 → 2.12.0 · PRO-1",
        ),
        (
            settings(environments=(tuple(f"b=={n}" for n in range(9)),), links="neighbours"),
            cases("full"),
            "",
            "replay · full · b 0 → 8 · PRO-1",
        ),
        (settings(environments=(("here",), ("b==1",))), cases("full"), "", "replay · full · here, b==1 · PRO-1"),
        (settings(sweep=(("periods", ("5", "50")),)), cases("full", data=""), "", "replay · full · over periods"),
        (settings(scenarios=("vwap",)), [], "", "vwap"),
    ],
)
def test_subject_names_scenarios_modes_sides_and_data(
    made: Settings, listed: list[Case], corpus: str, text: str
) -> None:
    assert describe_subject(made, listed, corpus) == text
