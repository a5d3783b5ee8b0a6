"""JUnit XML for CI systems that show tests.

As pytest's schema wants it (https://github.com/pytest-dev/pytest/blob/main/testing/example_scripts/junit-10.xsd): no properties
in a test case, times of suites with at most three decimals.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from perfbench.report.model import Report
from perfbench.report.outcomes import CaseOutcome, OutcomeKind, collect_outcomes

SUFFIX = ".xml"

FORBIDDEN_PATTERN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML document may contain, not even escaped: https://www.w3.org/TR/xml/#charsets."""


def render(report: Report) -> str:
    """One suite with a test case for each case, or each comparison of a gate; times in seconds.

    A case that was not measured is an error; a regression, an exceeded budget or a different output is a failure.
    """
    outcomes = collect_outcomes(report)
    counts = {
        "tests": str(len(outcomes)),
        "failures": str(sum(outcome.kind is OutcomeKind.FAILED for outcome in outcomes)),
        "errors": str(sum(outcome.kind is OutcomeKind.ERROR for outcome in outcomes)),
        "time": f"{sum(outcome.seconds or 0.0 for outcome in outcomes):.3f}",
    }
    root = ET.Element("testsuites", {"name": "perfbench", **counts})
    head = {"name": "perfbench", **counts, "skipped": "0", "timestamp": _strip_forbidden(report.run.created)}
    suite = ET.SubElement(root, "testsuite", head)
    _add_properties(suite, report)
    for outcome in outcomes:
        _add_testcase(suite, outcome)
    warnings = dict.fromkeys(warning for table in report.tables for warning in table.warnings)
    if warnings:
        ET.SubElement(suite, "system-out").text = _strip_forbidden(
            "\n".join(f"warning: {warning}" for warning in warnings)
        )
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _add_properties(suite: ET.Element, report: Report) -> None:
    run = report.run
    values = {"run": run.id, "perfbench": run.perfbench, "python": run.machine.python, "cpu": run.machine.cpu}
    properties = ET.SubElement(suite, "properties")
    for name, value in {**values, "system": run.machine.system}.items():
        ET.SubElement(properties, "property", {"name": name, "value": _strip_forbidden(value)})


def _add_testcase(suite: ET.Element, outcome: CaseOutcome) -> None:
    names = {"classname": _strip_forbidden(outcome.scenario), "name": _strip_forbidden(outcome.name)}
    case = ET.SubElement(suite, "testcase", {**names, "time": f"{outcome.seconds or 0.0:.3f}"})
    text = _strip_forbidden("\n".join(outcome.lines))
    if outcome.bad:
        tag = "failure" if outcome.kind is OutcomeKind.FAILED else "error"
        attributes = {"type": outcome.status.value, "message": _strip_forbidden(outcome.lines[0])}
        ET.SubElement(case, tag, attributes).text = text
    else:
        ET.SubElement(case, "system-out").text = f"{outcome.status}: {text}"


def _strip_forbidden(text: str) -> str:
    return FORBIDDEN_PATTERN.sub("", text)
