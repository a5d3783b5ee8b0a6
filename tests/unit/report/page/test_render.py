"""Rendering of pages: texts are escaped wherever a part shows them, and Jinja2 is wanted only here."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder
from support.pages import ReadPage

from perfbench.errors import ExtraMissing
from perfbench.report.page import render
from perfbench.report.page.blocks import (
    Cell,
    Code,
    Command,
    Commands,
    Facts,
    Figure,
    Figures,
    FirstDifference,
    Fold,
    Head,
    Line,
    Lines,
    Page,
    Section,
    Table,
    TableRow,
    build_column_table,
)
from perfbench.report.page.svg import Drawing
from perfbench.report.text_table import Column, ColumnTable
from perfbench.results.page_document import PageDocument

ROOT = Path(__file__).resolve().parents[4]
HARMLESS = "harmless-text"
HOSTILE = "<script>alert(1)</script>\"'&<b onmouseover=x>"


def page_of_everything(text: str) -> Page:
    """A page in which every part shows this text wherever it can."""
    drawing = Drawing(10, 10)
    drawing.add_text((0, 0), text)
    figure = Figure(drawing.finish(text), text)
    table = Table(
        text,
        (Head(text, left=True, figure=drawing.finish(text)), Head(text)),
        (TableRow((Cell(text, text, sort=text, link="#x"), Cell(text, sort=1.5, tone="improved")), (("case", text),)),),
        filtered=True,
        name=text,
    )
    blocks = (
        table,
        figure,
        Figures((figure,), ((text, text),)),
        Lines((Line(text, "failed"),)),
        Facts(((text, text),)),
        FirstDifference(text, text, (text, text), (text, text)),
        Commands((Command(text, text),)),
        Code((text, text)),
        Fold(text, (Code((text,)),), anchor="x", note=text, result=Line(text, "improved")),
    )
    sections = (Section("first", text, blocks, text), Section("second", text, (), text))
    return Page(
        text,
        Line(text),
        sections,
        more=(text,),
        warnings=(Line(text, "failed"),),
        folded=(Line(text),),
        about=text,
        documents=(PageDocument("run", text, b"{}"),),
        up="index.html",
        window=text,
    )


def test_every_part_shows_text_as_text() -> None:
    page = ReadPage(render.render_page(page_of_everything(HOSTILE)))
    page.check_is_closed()
    assert not page.root.xpath("//b[@onmouseover]")
    plain = ReadPage(render.render_page(page_of_everything(HARMLESS)))
    hostile, harmless = ([e.tag for e in read.root.iter() if e.tag != "wbr"] for read in (page, plain))
    assert hostile == harmless, "but for places at which a long name may be broken"
    assert page.text.count("&lt;script&gt;") == plain.text.count(HARMLESS) > 50


def test_lines_of_code_stay_lines() -> None:
    page = ReadPage(render.render_page(Page("t", Line("s"), (Section("a", "b", (Code(("x = 1", "  y = 2")),)),))))
    assert page.root.xpath("string(//pre)") == "x = 1\n  y = 2\n"


def test_notes_of_a_table_of_columns_belong_to_the_row_above() -> None:
    rows = (
        ("  parse", "1s"),
        ("      called by main: 1 → 2", ""),
        ("      called by x: 0 → 1", ""),
        ("  format", "2s"),
    )
    table = build_column_table(ColumnTable("  function", (Column("seconds"),), rows))
    assert [(row.cells[0].text, row.cells[0].note) for row in table.rows] == [
        ("parse", "called by main: 1 → 2; called by x: 0 → 1"),
        ("format", ""),
    ]


def test_templates_travel_in_the_wheel() -> None:
    inside = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    folder = ROOT / "perfbench" / "report" / "page" / "templates"
    assert {path.relative_to(ROOT).as_posix() for path in folder.iterdir()} <= inside


def test_missing_jinja_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ExtraMissing, match="an HTML page needs jinja2, which is not installed") as error:
        render.require_template_engine()
    assert error.value.hint == "pip install 'betfair-perfbench[html]'"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("library/resources/books.py:Book.__init__.<listcomp>", "library/|resources/|books.py:|Book.|__init__.&lt;listcomp&gt;"),
        ("library/streaming/cache.py:create_resource", "library/|streaming/|cache.py:|create_|resource"),
        ("short_name", "short_name"),
        ("several short words that are together long", "several short words that are together long"),
    ],
)  # fmt: skip
def test_long_name_is_broken_between_its_parts_only(text: str, expected: str) -> None:
    page = Page("t", Line("s"), sections=(Section("a", "A", (Table("c", (Head("h"),), (TableRow((Cell(text),)),)),)),))
    assert f"<span>{expected.replace('|', '<wbr>')}</span>" in render.render_page(page)
