"""The saved JSON document of a run, and how results are collected into measurements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from perfbench.errors import StorageProblem
from perfbench.model import METRICS, Failure, Measurement, Result, Run
from perfbench.results import surveyed
from perfbench.results.store import DocumentStore
from perfbench.results.validation import check_numbers

DOCUMENT_SUFFIX, JOURNAL_SUFFIX = ".json", ".journal"
SHOWN_CHARACTERS = 40


RUNS = DocumentStore(DOCUMENT_SUFFIX, Run, "run", unfinished=JOURNAL_SUFFIX, indent=1)
"""Saved runs, and the journals that become runs."""


def check_run(path: Path, run: Run) -> Run:
    """The run itself. Raises StorageProblem for a metric that perfbench does not have, and for implausible numbers.

    :param path: named in the error.
    """
    for measurement in run.measurements:
        if measurement.metric not in METRICS:
            raise StorageProblem(
                f"{path} is damaged: no metric `{measurement.metric[:SHOWN_CHARACTERS]}`", hint="measure it again"
            )
    check_numbers(path, run)
    return run


def add_results(run: Run, results: Iterable[Result]) -> Run:
    """The run with every result in its place. Nothing is averaged and nothing is dropped.

    In a survey every case becomes one case for each batch that was opened; the markets of the run are the batches.
    """
    kept = list(results)
    run = apply_limits(run, kept)
    if run.corpus is None:
        return replace(run, measurements=collect_results(run.measurements, kept))
    corpus = surveyed.add_facts(run.corpus, kept)
    markets = [batch.market for batch in corpus.opened if batch.market is not None]
    templates = [measurement for measurement in run.measurements if measurement.case.data == corpus.name]
    each = (replace(m, case=replace(m.case, data=market.name)) for market in markets for m in templates)
    measurements = collect_results([*run.measurements, *each], kept)
    return replace(
        run,
        corpus=corpus,
        data=tuple(replace(market, path="") for market in markets),
        measurements=tuple(map(surveyed.sort_observations, measurements)),
    )


def apply_limits(run: Run, results: Iterable[Result]) -> Run:
    """The run with the limits that were last changed when it was resumed."""
    for result in results:
        if result.limits is not None:
            run = replace(run, settings=result.limits.change(run.settings))
    return run


def collect_results(empty: Sequence[Measurement], results: Iterable[Result]) -> tuple[Measurement, ...]:
    """The measurements with the results of their cases."""
    gathered = {measurement.case.id: measurement for measurement in empty}
    for result in results:
        measurement = gathered.get(result.case)
        if measurement is not None:
            gathered[result.case] = _add_result(measurement, result)
    return tuple(gathered.values())


def _add_result(measurement: Measurement, result: Result) -> Measurement:
    failures = measurement.failures
    if result.failure is not None:
        failures = (*failures, result.failure)
    elif result.packages and measurement.packages and result.packages != measurement.packages:
        failures = (*failures, Failure(result.kind, "imported other packages than the passes before: sample rejected"))
        return replace(measurement, failures=failures)
    return replace(
        measurement,
        samples=measurement.samples if result.sample is None else (*measurement.samples, result.sample),
        packages=measurement.packages or result.packages,
        output=result.output or measurement.output,
        differences=measurement.differences
        if result.difference is None
        else (*measurement.differences, result.difference),
        failures=failures,
    )


def list_results(run: Run) -> list[Result]:
    """The results that a saved run consists of, as its journal had them: ``add_results`` makes the run of them again."""
    opened = run.corpus.opened if run.corpus is not None else ()
    results = [Result(f"open {batch.batch}", "", opened=batch) for batch in opened]
    for measurement in run.measurements:
        case, packages = measurement.case.id, measurement.packages
        if measurement.output is not None:
            results.append(Result(f"check 0 {case}", case, output=measurement.output, packages=packages))
        results += [
            Result(f"differ 0 {' + '.join(sorted((difference.against, case)))}", case, difference=difference)
            for difference in measurement.differences
        ]
        results += [Result(f"{f.trial} 0 {case}", case, failure=f) for f in measurement.failures]
        results += [Result(s.pair, case, sample=s, packages=packages) for s in measurement.samples]
    return results


def build_json_schema() -> bytes:
    """The JSON Schema of a saved run."""
    return msgspec.json.format(msgspec.json.encode(msgspec.json.schema(Run)), indent=2) + b"\n"
