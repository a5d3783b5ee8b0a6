"""Saved documents inside an HTML page: compressed on writing, found again on reading.

A page that perfbench writes contains what it shows, so that the file is the run: ``perfbench show page.html`` loads it.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import html
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from perfbench.errors import StorageProblem

PAGE_SUFFIX = ".html"
DOCUMENT_CLASS = "perfbench-document"
DAMAGED_HINT = "take a whole copy of it, or measure again"
LISTED_HINT = "see perfbench runs"
MAX_DOCUMENT_BYTES = 1 << 29
"""A document is never expanded beyond this: a page comes from elsewhere."""

DOCUMENT_PATTERN = re.compile(
    rb'<script type="application/gzip" class="perfbench-document" data-kind="([a-z ]{1,40})" data-name="([^"<>]{0,4000})">'
    rb"([A-Za-z0-9+/=\s]*)</script>"
)


@dataclass(frozen=True, slots=True)
class PageDocument:
    """A document to embed, or one that was found: what it is, such as ``run`` or ``profile``, its name, and its JSON."""

    kind: str
    name: str
    content: bytes

    def compress(self) -> str:
        """The content as Base64 of gzip; the same content always gives the same text."""
        return base64.b64encode(gzip.compress(self.content, 9, mtime=0)).decode("ascii")


def is_page(content: bytes) -> bool:
    """Whether a file is an HTML page, by its beginning."""
    return content[:200].lstrip().lower().startswith((b"<!doctype html", b"<html"))


def list_kinds(path: Path) -> tuple[str, ...]:
    """The kinds of the documents in a page, in their order; empty for anything else, also for a file that cannot be read."""
    try:
        content = path.read_bytes()
    except OSError:
        return ()
    return tuple(match[1].decode("ascii") for match in DOCUMENT_PATTERN.finditer(content)) if is_page(content) else ()


def extract_documents(path: Path, page: bytes, kind: str) -> tuple[PageDocument, ...]:
    """The documents of this kind in a page, in their order.

    Raises StorageProblem for a page without one, and for one that is damaged or too large.

    :param path: named in errors.
    """
    matches = [match for match in DOCUMENT_PATTERN.finditer(page) if match[1].decode("ascii") == kind]
    if not matches:
        raise StorageProblem(f"{path} is a page without a {kind} saved by perfbench", hint=LISTED_HINT)
    return tuple(
        PageDocument(kind, html.unescape(match[2].decode("utf-8", "replace")), _expand(path, match[3], kind))
        for match in matches
    )


def extract_document(path: Path, page: bytes, kind: str) -> bytes:
    """The only document of this kind in a page. Raises StorageProblem, also where there are several."""
    documents = extract_documents(path, page, kind)
    if len(documents) > 1:
        names = ", ".join(document.name for document in documents)
        raise StorageProblem(f"{path} is a page of {len(documents)} {kind}s, not of one: {names}", hint=LISTED_HINT)
    return documents[0].content


def _expand(path: Path, text: bytes, kind: str) -> bytes:
    expander = zlib.decompressobj(wbits=31)
    try:
        content = expander.decompress(base64.b64decode(text), MAX_DOCUMENT_BYTES)
    except (zlib.error, binascii.Error) as error:
        raise StorageProblem(
            f"{path} is damaged: its {kind} cannot be expanded ({error})", hint=DAMAGED_HINT
        ) from error
    if expander.unconsumed_tail:
        raise StorageProblem(
            f"{path} is damaged: its {kind} is larger than {MAX_DOCUMENT_BYTES >> 20} MiB", hint=DAMAGED_HINT
        )
    if not expander.eof:
        raise StorageProblem(f"{path} is damaged or cut off: its {kind} is not complete", hint=DAMAGED_HINT)
    return content
