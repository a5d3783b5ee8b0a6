"""The append-only journal that a run is written to while it is measured."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

from perfbench.errors import StorageProblem
from perfbench.model import Result, Run, Settings
from perfbench.results.document import DOCUMENT_SUFFIX, JOURNAL_SUFFIX, RUNS, check_run, list_results
from perfbench.results.page_document import DAMAGED_HINT, LISTED_HINT
from perfbench.results.store import DECODE_ERRORS, ELSEWHERE_HINT
from perfbench.util.files import build_write_problem, write_atomically

DOCUMENT_HINTS = (DAMAGED_HINT, LISTED_HINT)
"""Hints for a saved document that help nobody with a journal."""


class AppendOnlyFile:
    """A file of JSON lines. Each write is on the disk, or taken back, before the next trial starts."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self._file = file

    @classmethod
    def create(cls, path: Path, first: object) -> AppendOnlyFile:
        """A new file with its first line; its folder is made. Raises StorageProblem, also if the file exists."""
        try:
            if path.parent.exists() and not path.parent.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            path.parent.mkdir(parents=True, exist_ok=True)
            file = cls(path, path.open("xb", buffering=0))
        except OSError as error:
            raise build_write_problem(path, error) from error
        try:
            file.write([first])
        except StorageProblem:
            file.remove()
            raise
        return file

    @classmethod
    def reopen(cls, path: Path, length: int) -> AppendOnlyFile:
        """Continue a file after its first ``length`` bytes; the rest is cut off. Raises StorageProblem."""
        try:
            os.truncate(path, length)
            return cls(path, path.open("ab", buffering=0))
        except OSError as error:
            raise build_write_problem(path, error) from error

    def write(self, values: Sequence[object]) -> None:
        """Append these values at one stroke, a line each. Raises StorageProblem; the file is as before then."""
        lines = b"".join(msgspec.json.encode(value) + b"\n" for value in values)
        start = self._file.tell()
        try:
            written = 0
            while written < len(lines):
                written += self._file.write(lines[written:]) or 0
            os.fsync(self._file.fileno())
        except OSError as error:
            os.truncate(self.path, start)
            raise build_write_problem(self.path, error) from error

    def close(self) -> None:
        """Leave the file as it is."""
        self._file.close()

    def remove(self) -> None:
        """Close and delete the file."""
        self._file.close()
        self.path.unlink()


class Journal:
    """The journal of a run that is being measured."""

    def __init__(self, file: AppendOnlyFile) -> None:
        self._file = file

    @property
    def path(self) -> Path:
        """The file of the journal."""
        return self._file.path

    @classmethod
    def create(cls, folder: Path, run: Run, *, replaces: bool = False) -> Journal:
        """A new journal that holds the run without its new samples. Raises StorageProblem, UsageProblem if the name is taken.

        :param replaces: the document of this name is replaced when the journal is finished.
        """
        if not replaces:
            RUNS.require_free(run.id, folder)
        return cls(AppendOnlyFile.create(folder / f"{run.id}{JOURNAL_SUFFIX}", run))

    @classmethod
    def reopen(cls, path: Path) -> Journal:
        """Continue an interrupted journal; an incomplete last trial is cut off. Raises StorageProblem."""
        try:
            length = find_complete_length(path.read_bytes())
        except OSError as error:
            raise build_write_problem(path, error) from error
        return cls(AppendOnlyFile.reopen(path, length))

    @classmethod
    def restore(cls, path: Path, run: Run) -> Path:
        """Turn the document of a finished run into a journal, which more can be added to; returns its path. Raises StorageProblem.

        At any moment one of the two is there, whole.
        """
        empty = tuple(replace(m, samples=(), output=None, differences=(), failures=()) for m in run.measurements)
        outline = replace(run, finished=False, measurements=empty)
        lines = [msgspec.json.encode(value) for value in (outline, *_join_trials(list_results(run)))]
        journal = path.with_suffix(JOURNAL_SUFFIX)
        write_atomically(journal, b"\n".join(lines) + b"\n")
        path.unlink()
        return journal

    def append(self, results: Sequence[Result]) -> None:
        """Write the results of a trial at one stroke: half a pair is none. Raises StorageProblem."""
        self._file.write([replace(result, together=len(results)) for result in results])

    def close(self) -> None:
        """Leave the journal as it is, to be resumed."""
        self._file.close()

    def finish(self, run: Run) -> Path:
        """Replace the journal by the finished document; returns its path. Raises StorageProblem, and keeps the journal then."""
        document = self.path.with_suffix(DOCUMENT_SUFFIX)
        RUNS.save(run, document)
        self._file.remove()
        return document


def _join_trials(results: Sequence[Result]) -> Iterator[Result]:
    """The results in the order of their trials; those of a trial stand together."""
    by_trial: dict[str, list[Result]] = {}
    for result in results:
        by_trial.setdefault(result.trial, []).append(result)
    for together in by_trial.values():
        yield from (replace(result, together=len(together)) for result in together)


def read_journal(path: Path, content: bytes) -> tuple[Run, list[Result]]:
    """The run and the results of a journal; a last trial that was not written whole is left out. Raises StorageProblem."""
    lines = content[: find_complete_length(content)].splitlines()
    if not lines:
        raise StorageProblem(f"{path} holds no run: it was cut off before its first line was written", hint="delete it")
    try:
        run = check_run(path, RUNS.decode(path, lines[0]))
    except StorageProblem as problem:
        raise StorageProblem(
            problem.cause,
            hint=problem.hint if problem.hint not in DOCUMENT_HINTS else "delete it, and start the run again",
        ) from problem
    results = []
    for number, line in enumerate(lines[1:], 2):
        try:
            results.append(msgspec.json.decode(line, type=Result))
        except DECODE_ERRORS as error:
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
        except DECODE_ERRORS:
            break
        if last and result.trial != last[0].trial:
            break
        last.append(result)
        if len(last) == last[0].together:
            return end
    if last:
        end -= sum(map(len, content[:end].splitlines(keepends=True)[-len(last) :]))
    return end


JournalKind = Literal["runs", "sweeps", "gates", "damaged"]
"""What was interrupted, in the plural."""


def find_newest_journal(folder: Path, wanted: JournalKind = "runs") -> Path:
    """The journal that was interrupted last; those of other kinds and damaged ones are skipped.

    Raises StorageProblem if there is none, and names those that were skipped.
    """
    skipped: dict[JournalKind, list[str]] = {}
    plain = (path for path in folder.glob(f"*{JOURNAL_SUFFIX}") if path.is_file())
    for path in sorted(plain, key=lambda path: path.stat().st_mtime, reverse=True):
        kind = _read_kind(path)
        if kind == wanted:
            return path
        skipped.setdefault(kind, []).append(path.name)
    others = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in skipped.items())
    raise StorageProblem(
        f"{folder} holds no interrupted {wanted.removesuffix('s')} to resume" + (f", only {others}" if others else ""),
        hint=ELSEWHERE_HINT,
    )


def _read_kind(path: Path) -> JournalKind:
    try:
        with path.open("rb") as file:
            settings = RUNS.decode(path, file.readline()).settings
    except (OSError, StorageProblem):
        return "damaged"
    return find_kind(settings)


def find_kind(settings: Settings) -> JournalKind:
    """What a run with these settings is."""
    if settings.gate is not None:
        return "gates"
    return "sweeps" if settings.links else "runs"
