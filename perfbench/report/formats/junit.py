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
"""What no XML document can hold, not even escaped: https://www.w3.org/TR/xml/#charsets."""


def render(report: Report) -> str:
    """One suite with a test case for each case, or each comparison of a gate; times in seconds.

    A case that was not measured is an error; a regression, an exceeded budget or another output is a failure.
    """
    found = collect_outcomes(report)
    counts = {
        "tests": str(len(found)),
        "failures": str(sum(outcome.kind is OutcomeKind.FAILED for outcome in found)),
        "errors": str(sum(outcome.kind is OutcomeKind.ERROR for outcome in found)),
        "time": f"{sum(outcome.seconds or 0.0 for outcome in found):.3f}",
    }
    root = ET.Element("testsuites", {"name": "perfbench", **counts})
    head = {"name": "perfbench", **counts, "skipped": "0", "timestamp": _strip_forbidden(report.run.created)}
    suite = ET.SubElement(root, "testsuite", head)
    _add_properties(suite, report)
    for outcome in found:
        _add_testcase(suite, outcome)
    doubts = dict.fromkeys(doubt for table in report.tables for doubt in table.doubts)
    if doubts:
        ET.SubElement(suite, "system-out").text = _strip_forbidden("\n".join(f"doubtful: {doubt}" for doubt in doubts))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _add_properties(suite: ET.Element, report: Report) -> None:
    run = report.run
    told = {"run": run.id, "perfbench": run.perfbench, "python": run.machine.python, "cpu": run.machine.cpu}
    properties = ET.SubElement(suite, "properties")
    for name, value in {**told, "system": run.machine.system}.items():
        ET.SubElement(properties, "property", {"name": name, "value": _strip_forbidden(value)})


def _add_testcase(suite: ET.Element, outcome: CaseOutcome) -> None:
    names = {"classname": _strip_forbidden(outcome.scenario), "name": _strip_forbidden(outcome.name)}
    case = ET.SubElement(suite, "testcase", {**names, "time": f"{outcome.seconds or 0.0:.3f}"})
    text = _strip_forbidden("\n".join(outcome.lines))
    if outcome.bad:
        tag = "failure" if outcome.kind is OutcomeKind.FAILED else "error"
        told = {"type": outcome.verdict, "message": _strip_forbidden(outcome.lines[0])}
        ET.SubElement(case, tag, told).text = text
    else:
        ET.SubElement(case, "system-out").text = f"{outcome.verdict}: {text}"


def _strip_forbidden(text: str) -> str:
    return FORBIDDEN_PATTERN.sub("", text)
