"""Saved runs: a journal while it is measured, one document when it is finished.

A journal is a file of JSON lines: the run without samples, then one ``Result`` after the other, each on the disk before the next
trial starts. ``kill -9`` can only cut the last line, which was not finished then and is left out. The finished document is written
beside the journal and renamed, so there is always one whole file.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import msgspec

from perfbench.atomic import obstacle, replacing
from perfbench.errors import StorageProblem, UsageProblem
from perfbench.model import SCHEMA, Failure, Measurement, Result, Run

JOURNAL = ".journal"
DOCUMENT = ".json"
RESULTS = "--results folder"
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class Journal:
    """The journal of a run that is being measured."""

    def __init__(self, path: Path, run: Run, file: BinaryIO) -> None:
        self.path = path
        self._run = run
        self._file = file

    @classmethod
    def create(cls, folder: Path, run: Run) -> Journal:
        """A new journal that holds the run without its samples. Raises StorageProblem, UsageProblem if the name is taken."""
        path = folder / f"{run.id}{JOURNAL}"
        if path.exists() or path.with_suffix(DOCUMENT).exists():
            raise UsageProblem(f"{path.with_suffix('')} already exists", hint="choose a different --save name")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = path.open("xb", buffering=0)
        except OSError as error:
            raise unwritable(path, error) from error
        journal = cls(path, run, file)
        journal._write(run)
        return journal

    @classmethod
    def reopen(cls, path: Path, run: Run) -> Journal:
        """Continue an interrupted journal; an incomplete last trial is cut off. Raises StorageProblem."""
        try:
            content = path.read_bytes()
            os.truncate(path, whole_length(content))
            return cls(path, run, path.open("ab", buffering=0))
        except OSError as error:
            raise unwritable(path, error) from error

    def append(self, results: Sequence[Result]) -> None:
        """Put the results of a trial on the disk, at one stroke: half a pair is none. Raises StorageProblem."""
        self._write(*(replace(result, together=len(results)) for result in results))

    def _write(self, *values: Run | Result) -> None:
        line = b"".join(msgspec.json.encode(value) + b"\n" for value in values)
        start = self._file.tell()
        try:
            written = 0
            while written < len(line):
                written += self._file.write(line[written:]) or 0
            os.fsync(self._file.fileno())
        except OSError as error:
            os.truncate(self.path, start)
            raise unwritable(self.path, error) from error

    def close(self) -> None:
        """Leave the journal as it is, to be resumed."""
        self._file.close()

    def finish(self, run: Run) -> Path:
        """Replace the journal by the finished document; returns its path. Raises StorageProblem, and keeps the journal then."""
        document = self.path.with_suffix(DOCUMENT)
        save(run, document)
        self._file.close()
        self.path.unlink()
        return document


def save(run: Run, path: Path) -> None:
    """The finished document, whole or not at all. Raises StorageProblem."""
    write_atomically(path, msgspec.json.format(msgspec.json.encode(run), indent=1) + b"\n")


def write_atomically(path: Path, content: bytes, choice: str = RESULTS) -> None:
    """Write a plain file whole or not at all, and into anything else that is there. Raises StorageProblem.

    :param choice: what the user has to choose differently if it fails, such as ``--export file``.
    """
    try:
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        raise unwritable(path, error, choice) from error


def unwritable(path: Path, error: OSError, choice: str = RESULTS) -> StorageProblem:
    """The error of a file that cannot be written; ``choice`` is what the user has to choose differently."""
    remedy = "free some space or " if error.errno in NO_SPACE else ""
    return StorageProblem(
        f"{path} cannot be written ({error.strerror or error})", hint=f"{remedy}choose another {choice}"
    )


def check_destination(option: str, path: Path) -> None:
    """Refuse a file that is to be written but cannot be. Raises UsageProblem, before anything is measured.

    :param option: the option that names it, as it was typed.
    """
    reason = obstacle(path)
    if reason:
        raise UsageProblem(f"{option}: {reason}", hint="name another file")


def load(path: Path) -> Run:
    """A saved run, finished or still a journal. Raises StorageProblem for anything else, in one line."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StorageProblem(f"{path} cannot be read: {error.strerror}") from error
    if path.suffix == JOURNAL:
        run, results = read_journal(path, content)
        return replace(run, measurements=collect(run.measurements, results))
    return _decoded(path, content)


def read_journal(path: Path, content: bytes) -> tuple[Run, list[Result]]:
    """The run and the results of a journal; a last trial that was not written whole is left out. Raises StorageProblem."""
    lines = content[: whole_length(content)].splitlines()
    if not lines:
        raise StorageProblem(f"{path} holds no run: it was cut off before its first line was written", hint="delete it")
    run = _decoded(path, lines[0])
    results = []
    for number, line in enumerate(lines[1:], 2):
        try:
            results.append(msgspec.json.decode(line, type=Result))
        except msgspec.MsgspecError as error:
            raise StorageProblem(
                f"{path}, line {number} is damaged: {error}", hint="delete the line to use the rest"
            ) from error
    return run, results


def whole_length(content: bytes) -> int:
    """The bytes of a journal up to the end of the last trial that is there with all its results."""
    end = content.rfind(b"\n") + 1
    last: list[Result] = []
    for line in reversed(content[:end].splitlines(keepends=True)[1:]):
        try:
            result = msgspec.json.decode(line, type=Result)
        except msgspec.MsgspecError:
            break
        if last and result.trial != last[0].trial:
            break
        last.append(result)
        if len(last) == last[0].together:
            return end
    if last:
        end -= sum(map(len, content[:end].splitlines(keepends=True)[-len(last) :]))
    return end


def _decoded(path: Path, content: bytes) -> Run:
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


def newest_journal(folder: Path) -> Path:
    """The journal of the run that was interrupted last; a gate cannot be resumed. Raises StorageProblem if there is none."""
    plain = (path for path in folder.glob(f"*{JOURNAL}") if path.is_file())
    journals = sorted(plain, key=lambda path: path.stat().st_mtime, reverse=True)
    for path in journals:
        with path.open("rb") as file:
            outline = file.readline()
        if not outline.endswith(b"\n") or _decoded(path, outline).settings.gate is None:
            return path
    gates = ", ".join(path.name for path in journals)
    raise StorageProblem(f"{folder} holds no interrupted run to resume" + (f", only gates: {gates}" if gates else ""))


def is_run(name: str, folder: Path) -> bool:
    """Whether this is the path of a saved run or its name in the results folder, or at least the name of such a file."""
    return Path(name).suffix in (DOCUMENT, JOURNAL) or any(path.is_file() for path in _choices(name, folder))


def _choices(name: str, folder: Path) -> list[Path]:
    return [Path(name), *(folder / f"{name}{suffix}" for suffix in ("", DOCUMENT, JOURNAL))]


def find(name: str, folder: Path) -> Path:
    """A saved run by its path or by its name in the results folder. Raises StorageProblem."""
    for path in _choices(name, folder):
        if path.is_file():
            return path
    raise StorageProblem(f"{name}: no such file, and no run of that name in {folder}")


def collect(empty: Sequence[Measurement], results: Iterable[Result]) -> tuple[Measurement, ...]:
    """The measurements with every result in its place. Nothing is averaged and nothing is dropped."""
    gathered = {measurement.case.id: measurement for measurement in empty}
    for result in results:
        known = gathered.get(result.case)
        if known is not None:
            gathered[result.case] = _with(known, result)
    return tuple(gathered.values())


def _with(known: Measurement, result: Result) -> Measurement:
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


def json_schema() -> bytes:
    """The published schema of a saved run, as JSON Schema."""
    return msgspec.json.format(msgspec.json.encode(msgspec.json.schema(Run)), indent=2) + b"\n"
