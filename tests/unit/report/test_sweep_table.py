"""The table of a sweep, whole, from made-up steps."""

from __future__ import annotations

import math

import pytest

from perfbench.model import Verdict
from perfbench.report.tables.sweep import build_sweep_table
from perfbench.sweep.steps import ReleaseStep, SamplingPlan
from perfbench.sweep.trajectory import ModeTrajectory, SweepRelease, Trajectory, TrajectoryPoint
from perfbench.util.formatting import format_change, format_change_interval


def step(
    before: str, after: str, ratio: float, verdict: Verdict, mode: str = "light", output: str = "yes"
) -> ReleaseStep:
    significant = verdict in (Verdict.IMPROVED, Verdict.REGRESSED)
    return ReleaseStep(
        mode, before, after, ratio, ratio * 0.99, ratio * 1.01, 24, 1e-6, True, significant, verdict, output
    )


def stop(release: str, seconds: float, relative: float, step: ReleaseStep | None = None) -> TrajectoryPoint:
    return TrajectoryPoint(release, seconds, relative, relative * 0.98, relative * 1.02, step)


RELEASES = (
    SweepRelease("2.11.2", "a"),
    SweepRelease("2.12.0", "b"),
    SweepRelease("2.12.1", "c", "it needs a C compiler"),
    SweepRelease("2.19.1", "d"),
    SweepRelease("2.20.0", "e"),
)
LIGHT = ModeTrajectory(
    "light",
    "2.11.2",
    (
        stop("2.11.2", 1.11, 1.0),
        stop("2.12.0", 0.492, 0.443, step("2.11.2", "2.12.0", 0.443, Verdict.IMPROVED, output="known changes")),
        TrajectoryPoint("2.12.1", None, None, 0.0, math.inf, None, "it needs a C compiler"),
        stop("2.19.1", 0.49, 0.441, step("2.12.0", "2.19.1", 0.994, Verdict.UNCHANGED)),
        stop("2.20.0", 0.525, 0.472, step("2.19.1", "2.20.0", 1.071, Verdict.REGRESSED)),
    ),
)


def test_the_whole_table() -> None:
    found = build_sweep_table(
        Trajectory(RELEASES, (LIGHT,)), SamplingPlan(rounds=24), "replay · PRO", "CPU seconds", "a machine"
    )
    assert found.title == "replay · PRO"
    assert found.heads == ("release", "light CPU seconds", "light step", "light / 2.11.2")
    assert found.rows == (
        ("2.11.2", "1.110s", "", "1.000"),
        ("2.12.0", "0.492s", "2.3x faster ▲", "0.443"),
        ("! 2.12.1", "–", "", "–"),
        ("2.19.1", "0.490s", "−0.6 % =", "0.441"),
        ("2.20.0", "0.525s", "+7.1 % ▼", "0.472"),
    )
    assert found.below == (
        "▲ 2.11.2 → 2.12.0 light: 2.3x faster (2.23–2.28x faster; 24 pairs, output: known changes)",
        "▼ 2.19.1 → 2.20.0 light: +7.1 % (+6.0 to +8.2 %; 24 pairs)",
        "! 2.12.1: it needs a C compiler",
        "▲ faster, ▼ slower: false-positive rate at most 5% over all 3 steps together;"
        " = within ± 1 %; ? inconclusive; 95% intervals",
        "a machine",
    )


def test_a_second_mode_has_columns_of_its_own_and_its_steps_stand_with_those_of_its_release() -> None:
    full = ModeTrajectory(
        "full",
        "2.11.2",
        tuple(
            stop(
                s.release,
                3.0,
                0.5,
                step("2.19.1", "2.20.0", 1.09, Verdict.REGRESSED, "full") if s.release == "2.20.0" else None,
            )
            for s in LIGHT.points
        ),
    )
    found = build_sweep_table(Trajectory(RELEASES, (full, LIGHT)), SamplingPlan(rounds=24), "t", "CPU seconds", "a")
    assert found.heads[1:] == (
        "full CPU seconds",
        "full step",
        "full / 2.11.2",
        "light CPU seconds",
        "light step",
        "light / 2.11.2",
    )
    assert [line.split(":")[0] for line in found.below[:3]] == [
        "▲ 2.11.2 → 2.12.0 light",
        "▼ 2.19.1 → 2.20.0 full",
        "▼ 2.19.1 → 2.20.0 light",
    ]


def test_differing_output_marks_the_row_and_is_reported() -> None:
    points = (LIGHT.points[0], stop("2.12.0", 0.1, 0.1, step("2.11.2", "2.12.0", 0.1, Verdict.IMPROVED, output="no")))
    found = build_sweep_table(
        Trajectory(RELEASES[:2], (ModeTrajectory("light", "2.11.2", points),)),
        SamplingPlan(rounds=24),
        "t",
        "CPU seconds",
        "a",
    )
    assert found.rows[1][0] == "! 2.12.0"
    assert "! light, 2.11.2 → 2.12.0: the output differs" in found.below


def test_common_reason_is_reported_once_and_too_few_pairs_give_a_warning() -> None:
    broken = "2.11.2 → 2.12.0: KeyError"
    points = (
        LIGHT.points[0],
        *(TrajectoryPoint(r.name, 1.0, None, 0.0, math.inf, None, broken) for r in RELEASES[1:4]),
    )
    few = TrajectoryPoint(
        "2.20.0", 1.0, None, 0.0, math.inf, step("2.19.1", "2.20.0", 1.1, Verdict.INCONCLUSIVE), broken
    )
    found = build_sweep_table(
        Trajectory(RELEASES, (ModeTrajectory("light", "2.11.2", (*points, few)),)),
        SamplingPlan(),
        "t",
        "CPU seconds",
        "a",
    )
    assert sum(broken in line for line in found.below) == 1
    assert found.rows[-1] == ("! 2.20.0", "1.000s", "+10.0 % ?", "–")
    few_pairs = TrajectoryPoint(
        "2.12.0", 1.0, 1.0, 0.0, 2.0, ReleaseStep("light", "a", "b", 1.2, 1.1, 1.3, 5, 0.06, True)
    )
    found = build_sweep_table(
        Trajectory(RELEASES[:2], (ModeTrajectory("light", "2.11.2", (LIGHT.points[0], few_pairs)),)),
        SamplingPlan(rounds=5),
        "t",
        "s",
        "a",
    )
    assert "warning: 5 pairs are too few to mark a step among 1: it takes 6" in found.below


def test_foreign_text_cannot_command_the_terminal() -> None:
    releases = (SweepRelease("1\x1b[31m", "a", "bad\x07"),)
    line = ModeTrajectory("light", "", (TrajectoryPoint("1\x1b[31m", None, None, 0.0, math.inf, None, "bad\x07"),))
    found = build_sweep_table(Trajectory(releases, (line,)), SamplingPlan(), "t", "s", "a")
    assert "\x1b" not in repr(found).replace("\\\\x1b", "")
    assert all(text.isprintable() for row in (*found.rows, found.below, found.heads) for text in row)


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (0.443, "2.3x faster"),
        (1.6, "1.60x slower"),
        (1.071, "+7.1 %"),
        (0.97, "−3.0 %"),
        (1.0001, "0.0 %"),
        (0.9999, "0.0 %"),
        (1.4999, "+50.0 %"),
        (0.7, "−30.0 %"),
    ],
)
def test_change_is_shown_as_a_share_or_as_a_factor(ratio: float, text: str) -> None:
    assert format_change(ratio) == text


def test_ends_of_an_interval_are_shown_in_the_same_form() -> None:
    assert format_change_interval(1.059, 1.083) == "+5.9 to +8.3 %"
    assert format_change_interval(0.96, 1.01) == "−4.0 to +1.0 %"
    assert format_change_interval(1 / 2.31, 1 / 2.25) == "2.25–2.31x faster"
    assert format_change_interval(1.55, 1.7) == "1.550–1.700x slower"
    assert format_change_interval(0.0, math.inf) == "–"
