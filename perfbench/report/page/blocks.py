"""The parts that every page is made of, as frozen dataclasses: the templates show them, and decide nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from perfbench.model import Verdict
from perfbench.report.page.svg import Svg
from perfbench.report.text_table import FAILED_MARK, WARNING_PREFIX, ColumnTable, TextTable
from perfbench.results.page_document import PageDocument

Tone = Literal["", "improved", "regressed", "unchanged", "inconclusive", "failed", "quiet"]
"""How a text is coloured; the text says the same in words or by a mark."""

VERDICT_TONES: dict[Verdict, Tone] = {
    Verdict.IMPROVED: "improved",
    Verdict.REGRESSED: "regressed",
    Verdict.UNCHANGED: "unchanged",
    Verdict.INCONCLUSIVE: "inconclusive",
}
MARK_TONES: dict[str, Tone] = {"▲": "improved", "▼": "regressed", "=": "unchanged", "?": "inconclusive"}


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table. ``note`` is a second, quieter line, ``sort`` what a column is sorted by where it is not the text.

    ``link``: the address that the text leads to.
    """

    text: str
    note: str = ""
    sort: float | str | None = None
    tone: Tone = ""
    figure: Svg | None = None
    link: str = ""


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a table. ``data`` are numbers as they were computed, by name, for programs that read the page."""

    cells: tuple[Cell, ...]
    data: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a column; ``figure`` is drawn below its text. ``left``: its cells are texts, not numbers.

    ``narrow``: the lines of its cells are short and are not folded.
    """

    text: str
    left: bool = False
    narrow: bool = False
    figure: Svg | None = None
    sortable: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """A table. ``name`` is its name in the address of the page, where the filter and the order of a ``filtered`` one are kept."""

    kind: ClassVar[str] = "table"
    caption: str
    heads: tuple[Head, ...]
    rows: tuple[TableRow, ...]
    filtered: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing with the sentence that explains it. ``wide``: it takes the width of the page."""

    kind: ClassVar[str] = "figure"
    svg: Svg
    caption: str
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """Drawings side by side; ``facts`` are names and values beside them."""

    kind: ClassVar[str] = "figures"
    figures: tuple[Figure, ...]
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text with its tone."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Lines:
    """A list of lines."""

    kind: ClassVar[str] = "lines"
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values. ``wide``: one below the other, for long values."""

    kind: ClassVar[str] = "facts"
    facts: tuple[tuple[str, str], ...]
    wide: bool = False


@dataclass(frozen=True, slots=True)
class FirstDifference:
    """The first difference of two outputs: where it is, and each side with its name and its value."""

    kind: ClassVar[str] = "difference"
    title: str
    place: str
    before: tuple[str, str]
    after: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it is typed, and what it is good for."""

    purpose: str
    text: str


@dataclass(frozen=True, slots=True)
class Commands:
    """Commands, one below the other. ``page``: what they call the page, for which its script puts the real name of the file."""

    kind: ClassVar[str] = "commands"
    commands: tuple[Command, ...]
    page: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """Lines of code or of preformatted text."""

    kind: ClassVar[str] = "code"
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fold:
    """Something that is opened by a click: its name, a result beside it, and what is inside.

    ``anchor``: its name in the address of the page.
    """

    kind: ClassVar[str] = "fold"
    title: str
    blocks: tuple[Block, ...]
    anchor: str = ""
    note: str = ""
    result: Line | None = None
    opened: bool = False


Block = Table | Figure | Figures | Lines | Facts | FirstDifference | Commands | Code | Fold


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page with a heading; ``lead`` explains it. ``anchor``: its name in the address of the page."""

    anchor: str
    heading: str
    blocks: tuple[Block, ...]
    lead: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its title, the sentence that says it all, sentences that follow from it, warnings, sections, and what it is.

    ``about`` says what was measured, when and by what; ``documents`` are embedded. ``window``: the title of the window, if another.
    ``folded`` are the warnings in full where ``warnings`` only sums them up. ``up`` leads to the index of a site.
    """

    title: str
    sentence: Line
    sections: tuple[Section, ...]
    more: tuple[str, ...] = ()
    warnings: tuple[Line, ...] = ()
    folded: tuple[Line, ...] = ()
    about: str = ""
    documents: tuple[PageDocument, ...] = ()
    up: str = ""
    window: str = ""


def build_lines(texts: tuple[str, ...] | list[str]) -> Lines:
    """Lines as they stand below a table of the terminal: failed ones and warnings stand out."""
    return Lines(tuple(Line(text.strip(), choose_line_tone(text)) for text in texts))


def choose_line_tone(text: str) -> Tone:
    """The tone of a line below a table, by what it begins with."""
    if text.startswith(FAILED_MARK):
        return "failed"
    if text.startswith(WARNING_PREFIX):
        return "inconclusive"
    return MARK_TONES.get(text[:1], "")


def choose_cell_tone(text: str) -> Tone:
    """The tone of a cell, by the mark that it ends or begins with."""
    stripped = text.strip()
    return "failed" if stripped.startswith(FAILED_MARK) else MARK_TONES.get(stripped[-1:], "")


def build_text_table(texts: TextTable, caption: str = "") -> Table:
    """A table of the terminal as one of a page, without the lines below it."""
    heads = tuple(Head(" ".join(head.split()), left=place == 0) for place, head in enumerate(texts.heads))
    rows = tuple(TableRow(tuple(Cell(cell.strip(), tone=choose_cell_tone(cell)) for cell in row)) for row in texts.rows)
    return Table(caption or texts.title, heads, rows)


NOTE_INDENT = "      "
"""Rows that begin with it and have no other cell explain the row above."""


def build_column_table(table: ColumnTable, caption: str = "") -> Table:
    """A table of columns as one of a page; cells that are aligned left there are so here."""
    heads = (Head(table.head.strip(), left=True), *(Head(column.head, left=column.left) for column in table.columns))
    rows: list[list[str]] = []
    notes: list[list[str]] = []
    for row in table.rows:
        if rows and row[0].startswith(NOTE_INDENT) and not any(row[1:]):
            notes[-1].append(row[0].strip())
        else:
            rows.append([cell.strip() for cell in row])
            notes.append([])
    return Table(
        caption or table.head.strip(),
        heads,
        tuple(
            TableRow((Cell(first, "; ".join(note)), *(Cell(cell, tone=choose_cell_tone(cell)) for cell in cells)))
            for (first, *cells), note in zip(rows, notes, strict=True)
        ),
    )
