"""Pages of the documentation: README.md and the Markdown files in ``docs``, with their titles, blocks, headings and links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from perfbench_docs.project import DOCS, GENERATED_FOLDERS, README

FENCE = re.compile(r"^(`{3,}|~{3,})(\S*)[^\n]*\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^()\s]+(?:\([^()\s]*\)[^()\s]*)*)\)|<(https?://[^>\s]+)>")
DEFINITION = re.compile(r"^\[[^\]\n]+\]: +(\S+)$", re.MULTILINE)
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
INLINE_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
SENTENCE_END = re.compile(r"(?<=[.?!])\s+(?=[A-Z`*“])")


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """A fenced block: the word after its fence, and its content."""

    language: str
    content: str


def list_pages() -> list[Path]:
    """README.md and every page in ``docs`` that is in the repository, in order of their paths."""
    first_parts = ((path, path.relative_to(DOCS).parts[0]) for path in DOCS.rglob("*.md"))
    return [README, *sorted(path for path, part in first_parts if part[0] != "_" and part not in GENERATED_FOLDERS)]


def list_code_blocks(text: str) -> Iterator[CodeBlock]:
    """The fenced blocks of a page, in order."""
    for match in FENCE.finditer(text):
        yield CodeBlock(match[2], match[3])


def strip_code_blocks(text: str) -> str:
    """The prose of a page: without fenced blocks."""
    return FENCE.sub("", text)


def list_links(text: str) -> list[str]:
    """The targets of all links and pictures of a page, in order."""
    prose = strip_code_blocks(text)
    return [match[1] or match[2] for match in LINK.finditer(prose)] + DEFINITION.findall(prose)


def list_anchors(text: str) -> set[str]:
    """The anchors of the headings of a page, as GitHub and MyST make them."""
    anchors: set[str] = set()
    for title in HEADING.findall(strip_code_blocks(text)):
        slug = slugify(title)
        number = 1
        while slug in anchors:
            slug = f"{slugify(title)}-{number}"
            number += 1
        anchors.add(slug)
    return anchors


def slugify(title: str) -> str:
    """The anchor of a heading: ``The gate's looks`` is ``the-gates-looks``."""
    plain = INLINE_LINK.sub(r"\1", title)
    return re.sub(r"[^\w -]", "", plain.lower()).strip().replace(" ", "-")


def read_title(text: str) -> str:
    """The first heading of a page, without markup; empty if there is none."""
    match = HEADING.search(strip_code_blocks(text))
    return re.sub(r"[`*]", "", INLINE_LINK.sub(r"\1", match[1])) if match else ""


def read_summary(text: str) -> str:
    """The first sentence below the title, without links; empty if there is none."""
    paragraphs = [part.strip() for part in strip_code_blocks(text).split("\n\n")]
    for paragraph in paragraphs:
        if paragraph and not paragraph.startswith(("#", "<!--", "---", "|", "- ", "!", ">")):
            line = " ".join(INLINE_LINK.sub(r"\1", paragraph).split())
            return SENTENCE_END.split(line)[0]
    return ""
