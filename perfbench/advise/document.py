"""Saved advice, and the append-only journal of an advice that is being measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from perfbench.advise.model import AdviceDocument, AdviceOptions, MarketSeconds, OutputCheck, Remainder
from perfbench.advise.search_steps import PairAnswer
from perfbench.errors import StorageProblem
from perfbench.model import Run
from perfbench.results.journal import AppendOnlyFile
from perfbench.results.page_document import DAMAGED_HINT
from perfbench.results.store import DECODE_ERRORS, ELSEWHERE_HINT, DocumentStore
from perfbench.worker.program_messages import Proposals

JOURNAL_SUFFIX = ".advice-journal"
DELETE_HINT = "delete it and start again"

ADVICES = DocumentStore(".advice.json", AdviceDocument, "advice")
"""Saved advice. Its journals have names of their own."""


@dataclass(frozen=True, slots=True)
class AdviceOutline:
    """The first line of a journal: what is advised on, and what is tried."""

    run: Run
    options: AdviceOptions


@dataclass(frozen=True, slots=True)
class AdviceRecord:
    """What one step produced; ``step`` is its name, unique within a journal, and ``seconds`` the wall-clock time that it took.

    ``problem``: why it produced nothing, where that does not end the command.
    """

    step: str
    seconds: float = 0.0
    passed: MarketSeconds | None = None
    proposals: Proposals | None = None
    check: OutputCheck | None = None
    answer: PairAnswer | None = None
    remainder: Remainder | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class SavedAdvice:
    """An interrupted advice as its journal has it; ``length`` in bytes is that of its complete lines."""

    outline: AdviceOutline
    records: tuple[AdviceRecord, ...]
    length: int


def create_journal(folder: Path, run: Run, options: AdviceOptions) -> AppendOnlyFile:
    """A new journal. Raises StorageProblem."""
    return AppendOnlyFile.create(folder / f"{run.id}{JOURNAL_SUFFIX}", AdviceOutline(run, options))


def read_journal(path: Path) -> SavedAdvice:
    """An interrupted advice; an incomplete last line is ignored. Raises StorageProblem."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StorageProblem(f"{path} cannot be read: {error.strerror}", hint="name a file that can be read") from error
    length = content.rfind(b"\n") + 1
    lines = content[:length].splitlines()
    if not lines:
        raise StorageProblem(f"{path} holds no advice: its first line is incomplete", hint="delete it")
    try:
        outline = msgspec.json.decode(lines[0], type=AdviceOutline)
        records = tuple(msgspec.json.decode(line, type=AdviceRecord) for line in lines[1:])
    except DECODE_ERRORS as error:
        raise StorageProblem(f"{path} is damaged: {error}", hint=DELETE_HINT) from error
    if len({record.step for record in records}) < len(records):
        raise StorageProblem(f"{path} is damaged: a step stands in it twice", hint=DELETE_HINT)
    return SavedAdvice(outline, records, length)


def find_newest_journal(folder: Path) -> Path:
    """The journal of the advice that was interrupted last. Raises StorageProblem if there is none."""
    journals: Sequence[Path] = [path for path in folder.glob(f"*{JOURNAL_SUFFIX}") if path.is_file()]
    if not journals:
        raise StorageProblem(f"{folder} holds no interrupted advice to resume", hint=ELSEWHERE_HINT)
    return max(journals, key=lambda path: path.stat().st_mtime)


def load_advice(name: str, folder: Path) -> AdviceDocument:
    """A saved advice, by its file or its name in the results folder. Raises StorageProblem, also for a contradictory one."""
    path = ADVICES.find(name, folder)
    document = ADVICES.load(path)
    if reason := find_damage(document):
        raise StorageProblem(f"{path} is damaged: {reason}", hint=DAMAGED_HINT)
    return document


def find_damage(document: AdviceDocument) -> str:
    """What cannot be in an advice; empty if everything can."""
    count, result = len(document.candidates), document.result
    numbers = [*result.combination, *(step.candidate for step in result.steps)]
    if any(not 0 <= number < count for number in numbers):
        return "a candidate that there is not"
    if result.screened and len(result.screened) != count:
        return "candidates and their pairs of unequal numbers"
    if result.confirmed and not (result.combination and result.gains):
        return "an advice without pairs"
    return "" if document.run.scenarios else "no program"
