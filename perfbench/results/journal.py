"""The append-only journal that a run is written to while it is measured."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import msgspec

from perfbench.errors import StorageProblem, UsageProblem
from perfbench.model import Result, Run
from perfbench.results.document import DOCUMENT_SUFFIX, decode_run, save_run
from perfbench.util.files import build_write_problem

JOURNAL_SUFFIX = ".journal"


class Journal:
    """The journal of a run that is being measured."""

    def __init__(self, path: Path, run: Run, file: BinaryIO) -> None:
        self.path = path
        self._run = run
        self._file = file

    @classmethod
    def create(cls, folder: Path, run: Run) -> Journal:
        """A new journal that holds the run without its samples. Raises StorageProblem, UsageProblem if the name is taken."""
        path = folder / f"{run.id}{JOURNAL_SUFFIX}"
        if path.exists() or path.with_suffix(DOCUMENT_SUFFIX).exists():
            raise UsageProblem(f"{path.with_suffix('')} already exists", hint="choose a different --save name")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = path.open("xb", buffering=0)
        except OSError as error:
            raise build_write_problem(path, error) from error
        journal = cls(path, run, file)
        journal._write(run)
        return journal

    @classmethod
    def reopen(cls, path: Path, run: Run) -> Journal:
        """Continue an interrupted journal; an incomplete last trial is cut off. Raises StorageProblem."""
        try:
            content = path.read_bytes()
            os.truncate(path, find_complete_length(content))
            return cls(path, run, path.open("ab", buffering=0))
        except OSError as error:
            raise build_write_problem(path, error) from error

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
            raise build_write_problem(self.path, error) from error

    def close(self) -> None:
        """Leave the journal as it is, to be resumed."""
        self._file.close()

    def finish(self, run: Run) -> Path:
        """Replace the journal by the finished document; returns its path. Raises StorageProblem, and keeps the journal then."""
        document = self.path.with_suffix(DOCUMENT_SUFFIX)
        save_run(run, document)
        self._file.close()
        self.path.unlink()
        return document


def read_journal(path: Path, content: bytes) -> tuple[Run, list[Result]]:
    """The run and the results of a journal; a last trial that was not written whole is left out. Raises StorageProblem."""
    lines = content[: find_complete_length(content)].splitlines()
    if not lines:
        raise StorageProblem(f"{path} holds no run: it was cut off before its first line was written", hint="delete it")
    run = decode_run(path, lines[0])
    results = []
    for number, line in enumerate(lines[1:], 2):
        try:
            results.append(msgspec.json.decode(line, type=Result))
        except msgspec.MsgspecError as error:
            raise StorageProblem(
                f"{path}, line {number} is damaged: {error}", hint="delete the line to use the rest"
            ) from error
    return run, results


def find_complete_length(content: bytes) -> int:
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


def find_newest_journal(folder: Path) -> Path:
    """The journal of the run that was interrupted last; a gate cannot be resumed. Raises StorageProblem if there is none."""
    plain = (path for path in folder.glob(f"*{JOURNAL_SUFFIX}") if path.is_file())
    journals = sorted(plain, key=lambda path: path.stat().st_mtime, reverse=True)
    for path in journals:
        with path.open("rb") as file:
            outline = file.readline()
        if not outline.endswith(b"\n") or decode_run(path, outline).settings.gate is None:
            return path
    gates = ", ".join(path.name for path in journals)
    raise StorageProblem(f"{folder} holds no interrupted run to resume" + (f", only gates: {gates}" if gates else ""))
