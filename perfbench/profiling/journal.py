"""The append-only journal of a profiling session: an interrupted one can be shown and resumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from perfbench.errors import StorageProblem
from perfbench.model import Run
from perfbench.profiling.document import ProfileDocument
from perfbench.profiling.records import ProfileOptions, ProfileRecord, assemble_document, find_damage
from perfbench.results.journal import AppendOnlyFile
from perfbench.results.store import DECODE_ERRORS, ELSEWHERE_HINT

JOURNAL_SUFFIX = ".profile-journal"
DELETE_HINT = "delete it and profile again"


@dataclass(frozen=True, slots=True)
class ProfileOutline:
    """The first line of a journal: what is profiled, and how."""

    run: Run
    options: ProfileOptions


@dataclass(frozen=True, slots=True)
class SavedSession:
    """An interrupted session as its journal has it; ``length`` in bytes is that of its complete lines."""

    outline: ProfileOutline
    records: tuple[ProfileRecord, ...]
    length: int

    def assemble(self) -> ProfileDocument:
        """The document of the steps so far."""
        return assemble_document(self.outline.run, self.outline.options, self.records, complete=False)


def create_journal(folder: Path, run: Run, options: ProfileOptions) -> AppendOnlyFile:
    """A new journal. Raises StorageProblem."""
    return AppendOnlyFile.create(folder / f"{run.id}{JOURNAL_SUFFIX}", ProfileOutline(run, options))


def read_journal(path: Path) -> SavedSession:
    """An interrupted session; an incomplete last line is ignored. Raises StorageProblem."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StorageProblem(f"{path} cannot be read: {error.strerror}", hint="name a file that can be read") from error
    length = content.rfind(b"\n") + 1
    lines = content[:length].splitlines()
    if not lines:
        raise StorageProblem(f"{path} holds no profile: its first line is incomplete", hint="delete it")
    try:
        outline = msgspec.json.decode(lines[0], type=ProfileOutline)
        records = tuple(msgspec.json.decode(line, type=ProfileRecord) for line in lines[1:])
    except DECODE_ERRORS as error:
        raise StorageProblem(f"{path} is damaged: {error}", hint=DELETE_HINT) from error
    cases = {measurement.case.id for measurement in outline.run.measurements}
    for number, record in enumerate(records, 2):
        if damage := find_damage(record, cases):
            raise StorageProblem(f"{path}, line {number} is damaged: {damage}", hint=DELETE_HINT)
    return SavedSession(outline, records, length)


def find_newest_journal(folder: Path) -> Path:
    """The journal of the session that was interrupted last. Raises StorageProblem if there is none."""
    journals = [path for path in folder.glob(f"*{JOURNAL_SUFFIX}") if path.is_file()]
    if not journals:
        raise StorageProblem(f"{folder} holds no interrupted profile to resume", hint=ELSEWHERE_HINT)
    return max(journals, key=lambda path: path.stat().st_mtime)


def find_named_journal(name: str, folder: Path) -> Path | None:
    """The journal of an interrupted session by its path or by its name in the results folder; None if there is none."""
    candidates: Sequence[Path] = (Path(name), folder / name, folder / f"{name}{JOURNAL_SUFFIX}")
    return next((p for p in candidates if p.name.endswith(JOURNAL_SUFFIX) and p.is_file()), None)
