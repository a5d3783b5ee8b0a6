"""The saved JSON document of a run, and how results are collected into measurements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from perfbench.errors import StorageProblem
from perfbench.model import SCHEMA, Failure, Measurement, Result, Run
from perfbench.util.files import write_atomically

DOCUMENT_SUFFIX = ".json"


def save_run(run: Run, path: Path) -> None:
    """The finished document, whole or not at all. Raises StorageProblem."""
    write_atomically(path, msgspec.json.format(msgspec.json.encode(run), indent=1) + b"\n")


def decode_run(path: Path, content: bytes) -> Run:
    try:
        schema = msgspec.json.decode(content, type=dict[str, msgspec.Raw]).get("schema")
        if schema is None:
            raise StorageProblem(f"{path} is not a run saved by perfbench: it has no `schema`")
        if msgspec.json.decode(schema, type=int) > SCHEMA:
            raise StorageProblem(
                f"{path} was saved by a newer perfbench (schema {bytes(schema).decode()})", hint="update perfbench"
            )
        return msgspec.json.decode(content, type=Run)
    except msgspec.ValidationError as error:
        raise StorageProblem(f"{path} is not a run saved by perfbench: {error}") from error
    except msgspec.DecodeError as error:
        raise StorageProblem(f"{path} is damaged or cut off: {error}") from error


def collect_results(empty: Sequence[Measurement], results: Iterable[Result]) -> tuple[Measurement, ...]:
    """The measurements with every result in its place. Nothing is averaged and nothing is dropped."""
    gathered = {measurement.case.id: measurement for measurement in empty}
    for result in results:
        known = gathered.get(result.case)
        if known is not None:
            gathered[result.case] = _add_result(known, result)
    return tuple(gathered.values())


def _add_result(known: Measurement, result: Result) -> Measurement:
    failures = known.failures
    if result.failure is not None:
        failures = (*failures, result.failure)
    elif result.packages and known.packages and result.packages != known.packages:
        failures = (*failures, Failure(result.kind, "imported other packages than the passes before: sample refused"))
        return replace(known, failures=failures)
    return replace(
        known,
        samples=known.samples if result.sample is None else (*known.samples, result.sample),
        packages=known.packages or result.packages,
        output=result.output or known.output,
        differences=known.differences if result.difference is None else (*known.differences, result.difference),
        failures=failures,
    )


def build_json_schema() -> bytes:
    """The published schema of a saved run, as JSON Schema."""
    return msgspec.json.format(msgspec.json.encode(msgspec.json.schema(Run)), indent=2) + b"\n"
