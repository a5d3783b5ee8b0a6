"""The documents of a results folder, newest first, read without their samples."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from perfbench.errors import StorageProblem
from perfbench.model import SCHEMA, Case, Settings
from perfbench.results.store import DECODE_ERRORS


@dataclass(frozen=True, slots=True)
class DocumentKind:
    """A kind of file in a results folder: its suffix and the word for it.

    ``nested``: its run is a field of it. ``journal``: its first line is the document without results.
    """

    suffix: str
    word: str
    nested: bool = False
    journal: bool = False


@dataclass(frozen=True, slots=True)
class ListedCase:
    """A case of a listed run."""

    case: Case


@dataclass(frozen=True, slots=True)
class ListedCorpus:
    """The corpus of a listed run."""

    name: str


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the document of a run says before its samples are read. ``created`` is a time in ISO 8601."""

    schema: int
    id: str
    created: str
    finished: bool
    settings: Settings
    measurements: tuple[ListedCase, ...] = ()
    corpus: ListedCorpus | None = None

    @property
    def cases(self) -> list[Case]:
        """The cases that are measured."""
        return [measurement.case for measurement in self.measurements]


@dataclass(frozen=True, slots=True)
class _Nested:
    """A document that is about a run."""

    run: RunFacts


@dataclass(frozen=True, slots=True)
class SavedDocument:
    """A file of a results folder. ``name`` is that of commands, ``modified`` the time of its last change in nanoseconds."""

    name: str
    path: Path
    kind: DocumentKind
    facts: RunFacts
    size_bytes: int
    modified: int


@dataclass(frozen=True, slots=True)
class Listing:
    """The documents of a folder, newest first; ``broken`` are the files that cannot be read, each with the reason."""

    documents: tuple[SavedDocument, ...]
    broken: tuple[tuple[str, str], ...] = ()


def list_documents(folder: Path, kinds: Sequence[DocumentKind]) -> Listing:
    """Every document of these kinds in a folder; nothing if there is no folder. Raises StorageProblem.

    Files with other suffixes and hidden ones are passed over; of several suffixes that match, the longest is that of a file.
    """
    documents, broken = [], []
    for path, kind in _find_files(folder, kinds):
        try:
            documents.append(_read_document(path, kind))
        except StorageProblem as problem:
            broken.append((path.name, problem.cause))
    documents.sort(key=lambda document: (document.facts.created, document.name), reverse=True)
    return Listing(tuple(documents), tuple(broken))


def _find_files(folder: Path, kinds: Sequence[DocumentKind]) -> Iterator[tuple[Path, DocumentKind]]:
    by_length = sorted(kinds, key=lambda kind: -len(kind.suffix))
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return
    except OSError as error:
        raise StorageProblem(
            f"--results {folder}: {error.strerror or error}", hint="name the folder of the saved runs"
        ) from error
    for name in names:
        kind = next((kind for kind in by_length if name.endswith(kind.suffix) and name != kind.suffix), None)
        if kind is not None and kind.word and not name.startswith("."):
            yield folder / name, kind


def _read_document(path: Path, kind: DocumentKind) -> SavedDocument:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise StorageProblem("no plain file")
        with path.open("rb") as file:
            content = file.readline() if kind.journal else file.read()
    except OSError as error:
        raise StorageProblem(f"cannot be read ({error.strerror or error})") from error
    facts = _decode(content, kind)
    return SavedDocument(path.name.removesuffix(kind.suffix), path, kind, facts, status.st_size, status.st_mtime_ns)


def _decode(content: bytes, kind: DocumentKind) -> RunFacts:
    """The facts of a document. Raises StorageProblem."""
    try:
        facts = _decode_nested(content) if kind.nested else msgspec.json.decode(content, type=RunFacts)
    except msgspec.ValidationError as error:
        raise StorageProblem(f"not a {kind.word} saved by perfbench") from error
    except DECODE_ERRORS as error:
        raise StorageProblem("damaged or cut off") from error
    if facts.schema > SCHEMA:
        raise StorageProblem(f"saved by a newer perfbench (schema {facts.schema})")
    return facts


def _decode_nested(content: bytes) -> RunFacts:
    return msgspec.json.decode(content, type=_Nested).run
