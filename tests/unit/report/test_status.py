"""The status of a report and of its cases: computed once, closed on anything that is missing."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from support.runs import measurement, run

from perfbench.errors import NotMeasured, OutputsDiffer
from perfbench.model import CPU_SECONDS, Comparison, Failure, OutputDifference, OutputMatch, Verdict
from perfbench.report import build
from perfbench.report.model import CaseStatus, Status
from perfbench.report.outcomes import collect_outcomes
from perfbench.report.status import check_report_status, classify_gate_case, classify_run_case

STEADY = [1.0 + 0.001 * (number % 3) for number in range(12)]


def compared(verdict: Verdict, detectable: float = 0.01) -> Comparison:
    return Comparison(CPU_SECONDS, 1.0, 1.1, 1.1, 1.05, 1.15, 12, 0.01, verdict, detectable=detectable)


@pytest.mark.parametrize(
    ("comparison", "output", "breaches", "failed", "expected"),
    [
        (compared(Verdict.REGRESSED), OutputMatch.DIFFERENT, ("is slower",), True, CaseStatus.OUTPUT_DIFFERS),
        (compared(Verdict.REGRESSED), OutputMatch.SAME, ("is slower",), True, CaseStatus.REGRESSED),
        (compared(Verdict.UNCHANGED), OutputMatch.SAME, ("peak memory",), True, CaseStatus.OVER_BUDGET),
        (compared(Verdict.UNCHANGED), OutputMatch.SAME, (), True, CaseStatus.NOT_MEASURED),
        (compared(Verdict.UNCHANGED, math.inf), OutputMatch.SAME, (), False, CaseStatus.NOT_MEASURED),
        (None, OutputMatch.SAME, (), False, CaseStatus.NOT_MEASURED),
        (compared(Verdict.IMPROVED), OutputMatch.KNOWN_CHANGES, (), False, CaseStatus.IMPROVED),
        (compared(Verdict.INCONCLUSIVE), OutputMatch.NOT_COMPARED, (), False, CaseStatus.INCONCLUSIVE),
    ],
)
def test_gate_case_has_the_most_serious_status(
    comparison: Comparison | None, output: OutputMatch, breaches: tuple[str, ...], failed: bool, expected: CaseStatus
) -> None:
    assert classify_gate_case(comparison, output, breaches, failed) is expected


@pytest.mark.parametrize(
    ("seconds", "output", "failed", "unavailable", "expected"),
    [
        (1.0, OutputMatch.DIFFERENT, True, True, CaseStatus.OUTPUT_DIFFERS),
        (None, OutputMatch.NOT_COMPARED, False, True, CaseStatus.UNAVAILABLE),
        (None, OutputMatch.NOT_COMPARED, True, True, CaseStatus.NOT_MEASURED),
        (None, OutputMatch.SAME, False, False, CaseStatus.NOT_MEASURED),
        (0.0, OutputMatch.SAME, False, False, CaseStatus.NOT_MEASURED),
        (math.inf, OutputMatch.SAME, False, False, CaseStatus.NOT_MEASURED),
        (1.0, OutputMatch.SAME, False, False, CaseStatus.MEASURED),
    ],
)
def test_run_case_is_measured_only_with_plausible_seconds(
    seconds: float | None, output: OutputMatch, failed: bool, unavailable: bool, expected: CaseStatus
) -> None:
    assert classify_run_case(seconds, output, failed, unavailable=unavailable) is expected


def test_complete_run_is_ok() -> None:
    report = build.build_report(run([measurement("a", STEADY, baseline=True), measurement("b", STEADY)]), ())
    assert report.status.ok
    assert report.status.message == ""
    check_report_status(report)


def test_different_output_outranks_a_failure() -> None:
    wrong = replace(measurement("wrong", STEADY), difference=OutputDifference(7, "ltp", "1", "2"))
    failed = replace(measurement("bad", []), failures=(Failure("check", "it broke"),))
    report = build.build_report(run([measurement("a", STEADY, baseline=True), wrong, failed]), ())
    assert report.status.kind is Status.OUTPUTS_DIFFER
    with pytest.raises(OutputsDiffer):
        check_report_status(report)


def test_failed_case_makes_the_report_not_measured() -> None:
    failed = replace(measurement("bad", []), failures=(Failure("check", "it broke"),))
    report = build.build_report(run([measurement("a", STEADY, baseline=True), failed]), ())
    with pytest.raises(NotMeasured) as error:
        check_report_status(report, "run it again")
    assert error.value.hint == "run it again"


def test_empty_report_is_not_measured_for_exit_status_and_exports_alike() -> None:
    report = build.build_report(run([]), ())
    assert report.status.kind is Status.NOT_MEASURED
    assert report.status.missing == ("nothing was measured",)
    (outcome,) = collect_outcomes(report)
    assert (outcome.bad, outcome.lines) == (True, ("nothing was measured",))
