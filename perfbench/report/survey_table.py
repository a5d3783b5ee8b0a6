"""The table of a surveyed corpus: one row per mode or environment, and what its draws say of the corpus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from perfbench.model import Corpus, Measurement, Run
from perfbench.report import survey_summary, text
from perfbench.report.model import ReportTable
from perfbench.report.rows import GateComparisons
from perfbench.report.survey_rows import SurveyRows, get_key
from perfbench.report.trust_warnings import describe_run_warnings
from perfbench.util.formatting import format_plural


def build_survey_table(
    group: Sequence[Measurement], run: Run, corpus: Corpus, gate_comparisons: GateComparisons
) -> ReportTable:
    """The table of one scenario on a corpus.

    :param group: the cases on the corpus itself, which have no samples, and those on its batches.
    """
    rows = SurveyRows.of(group, run, corpus, gate_comparisons)
    built = tuple(rows.build())
    summary = survey_summary.build_summary(rows.collect_rows(), corpus, run, rows.confidence)
    baseline = rows.templates[0]
    opened = [measurement for measurement in group if measurement.case.data != corpus.name]
    return ReportTable(
        scenario=baseline.case.scenario,
        data=corpus.name,
        parameters=baseline.case.parameters,
        unit=baseline.unit,
        metric=rows.metric,
        work=None,
        rounds=0,
        rows=built,
        about=text.describe_conditions(_merge_sides(rows.templates, opened), rows.metric, 0, run),
        warnings=tuple(dict.fromkeys((*describe_run_warnings(built, run), *_list_unusual_batches(run)))),
        sides=rows.sides,
        known_changes=text.describe_known_changes(opened, run),
        survey=summary,
    )


def _list_unusual_batches(run: Run) -> Iterator[str]:
    unusual = sum(bool(market.doubts) for market in run.data)
    if unusual:
        batches = format_plural(unusual, "batch", "batches")
        yield f"{batches} of {len(run.data)} with unusual content (`perfbench data info` describes a file)"


def _merge_sides(templates: Sequence[Measurement], opened: Sequence[Measurement]) -> list[Measurement]:
    """Each case on the corpus with the packages that its batches imported."""
    return [
        replace(
            template, packages=next((m.packages for m in opened if get_key(m) == get_key(template) and m.packages), ())
        )
        for template in templates
    ]
