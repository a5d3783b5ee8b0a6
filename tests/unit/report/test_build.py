"""Reports built from made-up runs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.runs import measurement, run, sample

from perfbench.model import Failure
from perfbench.report import build
from perfbench.report.formats import terminal
from perfbench.runner.plan import SOLO_PASSES


@pytest.mark.parametrize("rounds", [1, 2])
def test_rounds_of_a_single_mode_are_its_solo_passes(rounds: int) -> None:
    samples = tuple(sample(number, 1.0, "alone") for number in range(SOLO_PASSES + rounds))
    only = replace(measurement("only", [], baseline=True), samples=samples)
    report = build.build_report(run([only]), ())
    assert report.tables[0].rounds == rounds
    assert f"{rounds} round{'s' * (rounds > 1)}, solo passes, CPU seconds" in report.tables[0].about


def test_footer_without_a_round_names_none() -> None:
    only = replace(measurement("only", [], baseline=True), samples=(sample(0, 1.0, "alone"),))
    report = build.build_report(run([only]), ())
    assert "0 rounds" not in terminal.render(report)
