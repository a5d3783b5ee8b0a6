"""The index of a site: all of its pages, the newest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from perfbench.report.page.blocks import Cell, Head, Line, Page, Section, Table, TableRow
from perfbench.util import formatting

INDEX_FILE, HISTORY_FILE = "index.html", "history.html"
KIND_NAMES = {
    "run": ("run", "runs"),
    "compare": ("comparison", "comparisons"),
    "gate": ("gate", "gates"),
    "sweep": ("sweep", "sweeps"),
    "calibration": ("calibration", "calibrations"),
    "profile": ("profile", "profiles"),
    "advice": ("advice", "advices"),
}
"""A kind of pages, and several of it."""


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """A page of the site: its file, and what the index says of it. ``created`` sorts it."""

    file: str
    name: str
    kind: str
    created: str
    title: str
    result: Line
    machine: str
    perfbench: str


def build_index(entries: Iterable[IndexEntry], histories: int, failures: Sequence[str]) -> Page:
    """The index of these pages.

    :param histories: how many there are; :param failures: lines about files that have no page.
    """
    newest_first = sorted(entries, key=lambda entry: entry.created, reverse=True)
    kinds = dict.fromkeys(entry.kind for entry in newest_first)
    counts = ", ".join(
        formatting.format_plural(sum(e.kind == kind for e in newest_first), *KIND_NAMES[kind]) for kind in kinds
    )
    heads = tuple(Head(head, left=True, narrow=head == "created") for head in ("run", "created", "what", "result"))
    table = Table("Saved runs", heads, tuple(_build_row(entry) for entry in newest_first), filtered=True, name="runs")
    return Page(
        title="perfbench runs",
        sentence=Line(f"{formatting.format_plural(len(newest_first), 'page')}, newest first: {counts}."),
        warnings=tuple(Line(failure, "failed") for failure in failures),
        sections=tuple(_build_index_sections(table, histories)),
    )


def _build_index_sections(table: Table, histories: int) -> Iterator[Section]:
    yield Section("runs", "Runs", (table,))
    if histories:
        cell = Cell(formatting.format_plural(histories, "history", "histories"), link=HISTORY_FILE)
        row = TableRow(
            (
                cell,
                Cell(
                    "the cost of a release relative to the first, chained from comparisons that were measured in pairs"
                ),
            )
        )
        yield Section(
            "history",
            "Over releases and commits",
            (Table("", (Head("page", left=True), Head("what", left=True)), (row,)),),
        )


def _build_row(entry: IndexEntry) -> TableRow:
    date, _, time = entry.created[:16].partition("T")
    return TableRow(
        (
            Cell(entry.name, entry.kind, link=entry.file),
            Cell(date, time, sort=entry.created),
            Cell(entry.title),
            Cell(entry.result.text, f"{entry.machine} · perfbench {entry.perfbench}", tone=entry.result.tone),
        )
    )
