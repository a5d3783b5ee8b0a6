"""Store of saved JSON documents of one kind: paths, search, load, save and names that are taken."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from perfbench.errors import StorageProblem, UsageProblem
from perfbench.model import SCHEMA
from perfbench.results import page_document
from perfbench.results.page_document import DAMAGED_HINT, LISTED_HINT, PAGE_SUFFIX
from perfbench.util.files import write_atomically

Document = TypeVar("Document")

ELSEWHERE_HINT = "--results FOLDER names another folder"
PATH_STARTS = (".", "~", "/")
"""Starts of a path, which pip does not take for a name either."""


DECODE_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError)
"""What msgspec raises for a content that is no JSON of the expected type."""


@dataclass(frozen=True, slots=True)
class DocumentStore(Generic[Document]):
    """Documents of one ``type``, saved as NAME and ``suffix``; messages call them ``kind``.

    ``unfinished``: the suffix of a file that becomes such a document and takes its name too. ``indent`` of the JSON; None: compact.
    """

    suffix: str
    type: type[Document]
    kind: str
    unfinished: str = ""
    indent: int | None = None

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Every suffix that a document of this kind may have."""
        return (self.suffix, self.unfinished) if self.unfinished else (self.suffix,)

    def locate(self, name: str, folder: Path) -> Path:
        """The path of a document in the results folder, whether it exists or not."""
        return folder / f"{name}{self.suffix}"

    def find(self, name: str, folder: Path) -> Path:
        """The file of a saved document, by its path or by its name in the results folder. Raises StorageProblem."""
        for path in (Path(name), *(folder / f"{name}{suffix}" for suffix in ("", *self.suffixes))):
            if path.is_file():
                return path
        if Path(name).exists():
            what = "a folder" if Path(name).is_dir() else "no plain file"
            raise StorageProblem(f"{name} is {what}, not a saved {self.kind}", hint=f"name the file of a {self.kind}")
        raise StorageProblem(f"{name}: no such file, and no {self.kind} of that name in {folder}", hint=LISTED_HINT)

    def is_saved(self, name: str, folder: Path) -> bool:
        """Whether this names a saved document, or a page with one, or has the suffix of one.

        ``./old`` is a path, also beside a document ``old``.
        """
        if name.endswith(self.suffixes):
            return True
        if name.endswith(PAGE_SUFFIX) and self.kind in page_document.list_kinds(self._find_page(name, folder)):
            return True
        return not name.startswith(PATH_STARTS) and any(
            (folder / f"{name}{suffix}").is_file() for suffix in self.suffixes
        )

    def require_free(self, name: str | None, folder: Path) -> None:
        """Raises UsageProblem for a name that is taken."""
        for suffix in self.suffixes if name is not None else ():
            if (folder / f"{name}{suffix}").exists():
                raise UsageProblem(
                    f"{folder / f'{name}{suffix}'} already exists", hint="choose a different --save name"
                )

    def load(self, path: Path) -> Document:
        """The document of a file, or that in a page. Raises StorageProblem."""
        return self.decode(path, self.read(path))

    def read(self, path: Path) -> bytes:
        """The content of a saved file; of a page the document of this kind in it. Raises StorageProblem."""
        content = read_document(path)
        return page_document.extract_document(path, content, self.kind) if page_document.is_page(content) else content

    def _find_page(self, name: str, folder: Path) -> Path:
        return Path(name) if Path(name).is_file() else folder / name

    def decode(self, path: Path, content: bytes) -> Document:
        """The document with this content. Raises StorageProblem, also for one that a newer perfbench saved.

        :param path: named in errors.
        """
        try:
            schema = msgspec.json.decode(content, type=dict[str, msgspec.Raw]).get("schema")
            if schema is None:
                raise StorageProblem(
                    f"{path} is not a {self.kind} saved by perfbench: it has no `schema`", hint=LISTED_HINT
                )
            if msgspec.json.decode(schema, type=int) > SCHEMA:
                raise StorageProblem(
                    f"{path} was saved by a newer perfbench (schema {bytes(schema).decode()})", hint="update perfbench"
                )
            return msgspec.json.decode(content, type=self.type)
        except msgspec.ValidationError as error:
            raise StorageProblem(
                f"{path} is not a {self.kind} saved by perfbench: {error}", hint=LISTED_HINT
            ) from error
        except DECODE_ERRORS as error:
            raise StorageProblem(f"{path} is damaged or cut off: {error}", hint=DAMAGED_HINT) from error

    def save(self, document: Document, path: Path) -> None:
        """Write the document, whole or not at all. Raises StorageProblem."""
        content = msgspec.json.encode(document)
        if self.indent is not None:
            content = msgspec.json.format(content, indent=self.indent)
        write_atomically(path, content + b"\n")


def read_document(path: Path) -> bytes:
    """The content of a saved file. Raises StorageProblem."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageProblem(f"{path} cannot be read: {error.strerror}", hint="name a file that can be read") from error
