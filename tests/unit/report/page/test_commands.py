"""Commands of a page: typed again they ask for the same settings, with every option of every command that measures."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.command_line import perfbench
from support.runs import MARKET, measurement, run

from perfbench.cli import measure, options
from perfbench.cli.commands import calibrate, sweep
from perfbench.model import Budget, GatePolicy, Run, Settings
from perfbench.report.page.commands import build_run_commands, format_command
from perfbench.sweep.subject import SweepSubject


class Typed(Exception):
    """The settings that a command asked for, before anything is measured."""


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that types a command and returns the settings that it would measure."""
    asked_for: list[Settings] = []

    def catch(settings: Settings, *_others: object, **_more: object) -> None:
        asked_for.append(settings)
        raise SystemExit(0)

    monkeypatch.setattr(measure, "measure_and_show", catch)
    monkeypatch.setattr(measure, "measure", catch)
    monkeypatch.setattr(sweep, "_resolve_subject", lambda *_: SweepSubject("tool", ("1", "2"), ("tool==1", "tool==2")))
    monkeypatch.setattr(calibrate, "_run_calibration", catch)
    (tmp_path / "mine").mkdir()

    def type_in(command: str) -> Settings:
        words = shlex.split(command)
        assert words[0] == "perfbench"
        done = perfbench(*words[1:], folder=tmp_path)
        assert asked_for, done.stderr
        return asked_for.pop()

    return type_in


def of_settings(**changes: object) -> Run:
    return run([measurement("only", [1.0])], **{"environments": (("here",),), **changes})


SETTINGS: dict[str, dict[str, object]] = {
    "run": {"scenarios": ("replay",), "max_time": 300.0, "precision": 0.01, "survey_precision": 0.03},
    "run with everything": {
        "scenarios": ("vwap", "my file.py:run"),
        "modes": ("full", "lightweight"),
        "data": ("a b.bz2", "1.2"),
        "parameters": (("window", "10"), ("vwap.depth", "a b")),
        "sweep": (("periods", ("5", "50")), ("names", ("a,b", "c"))),
        "folders": ("mine",),
        "accepted": ("renamed",),
        "environments": (("tool==1",), ("tool==2 python==3.11",)),
        "rounds": 7,
        "count": True,
        "each": True,
        "jobs": 2,
        "arguments": ("--market", "a b"),
        "timeout": 90.0,
    },
    "quick run": {"quick": True, "rounds": 2},
    "run until it is precise": {"precision": 0.02, "survey_precision": 0.02, "max_time": 77.0},
    "comparison": {"environments": (("tool==1", "tool==2 extra"),), "scenarios": ("vwap",)},
    "comparison on Pythons": {
        "environments": (("tool==1 python==3.10", "tool==2 python==3.10"), ("tool==1 python==3.11", "tool==2 python==3.11"))
    },
    "gate": {
        "environments": (("tool==1", "here"),),
        "scenarios": ("vwap",),
        "gate": GatePolicy(
            threshold=0.05,
            seconds=0.0,
            budgets=(Budget("memory", 0.05), Budget("peak", 2e8), Budget("ratio", 1.8, "full", "patched")),
            fail_on_inconclusive=True,
        ),
        "max_time": 12.0,
    },
    "sweep": {
        "environments": (("tool==1", "tool==2"),),
        "links": "anchor",
        "anchor": "tool==1",
        "modes": ("full",),
        "rounds": 17,
    },
    "calibration": {
        "environments": (("tool==1", "tool==1"),),
        "gate": GatePolicy(),
        "modes": ("full",),
        "data": ("1.2",),
        "max_time": 60.0,
        "drawn": 1,
    },
}  # fmt: skip

NOT_TYPED = ("seed", "names", "drawn", "tools")
"""Settings that no option has."""


@pytest.mark.parametrize("kind", SETTINGS)
def test_command_typed_again_asks_for_the_same_settings(typed: Any, kind: str) -> None:
    made = of_settings(**{"scenarios": ("replay",), "timeout": options.DEFAULT_TIMEOUT, **SETTINGS[kind]})
    again = typed(format_command(made))
    ignored = {name: getattr(made.settings, name) for name in NOT_TYPED}
    if made.settings.rounds is not None:  # then neither counts
        ignored |= {name: getattr(made.settings, name) for name in ("max_time", "precision", "survey_precision")}
    if made.settings.gate is not None or made.settings.links:
        ignored |= {name: getattr(made.settings, name) for name in ("precision", "survey_precision")}
    if kind == "calibration":
        ignored["gate"] = made.settings.gate
    assert replace(again, **ignored) == made.settings


def test_environment_with_a_configured_name_is_written_as_its_spec() -> None:
    made = of_settings(environments=(("stable", "here"),), names=(("stable", "tool==1"),))
    assert format_command(made).startswith("perfbench compare tool==1 here ")


def test_second_build_of_an_environment_has_no_number_in_a_command() -> None:
    made = of_settings(environments=(("tool==1", "tool==1 (2)"),))
    assert format_command(made).startswith("perfbench compare tool==1 tool==1 ")


def purposes(made: Run) -> Sequence[str]:
    return [command.text for command in build_run_commands(made).commands]


def test_commands_go_on_from_a_comparison_to_the_functions_behind_it() -> None:
    made = of_settings(environments=(("tool==1", "tool==2"),), modes=("full",), data=("1.2",), scenarios=("replay",))
    assert "perfbench profile replay --diff tool==1 tool==2 --mode full --data 1.2" in purposes(made)
    assert not any("profile" in text for text in purposes(of_settings()))


def test_two_saved_runs_are_compared_again_and_not_measured() -> None:
    made = replace(of_settings(), id="first → second run", paired=False, data=(MARKET,))
    assert purposes(made)[0] == "perfbench compare first 'second run'"
