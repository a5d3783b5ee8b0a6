"""Drawings as text: what comes from elsewhere stays text, and nothing has a style of its own."""

from __future__ import annotations

from lxml import etree

from perfbench.report.page.svg import Drawing, format_number

HOSTILE = "</svg><script>alert(1)</script>\"'&\x00\u202e"


def test_hostile_texts_are_escaped_and_printable() -> None:
    drawing = Drawing(100, 50)
    drawing.add_text((1, 2), HOSTILE)
    drawing.add_rectangle((0, 0), 10, 10, "bar", HOSTILE)
    svg = drawing.finish(HOSTILE)
    root = etree.fromstring(svg.markup)
    shown = HOSTILE.replace("\x00", r"\x00").replace("\u202e", r"\u202e")
    assert root.get("aria-label") == shown
    assert [child.tag for child in root] == ["text", "rect"]
    assert root[0].text == root[1][0].text == shown


def test_elements_have_classes_and_no_styles() -> None:
    drawing = Drawing(100, 50)
    drawing.add_line((0, 0), (1.26, 10), "axis")
    drawing.add_dots([(1, 2), (3, 4)], "pair")
    drawing.add_area([(0, 0), (1, 0), (1, 1)], "area s0")
    drawing.add_steps([(0, 0), (5, 5)], "line")
    root = etree.fromstring(drawing.finish("x").markup)
    assert [(child.get("class"), child.get("d")) for child in root] == [
        ("axis", "M0 0L1.3 10"),
        ("dot pair", "M1 2h0M3 4h0"),
        ("area s0", "M0 0L1 0L1 1Z"),
        ("line", "M0 0H5V5"),
    ]
    assert not root.xpath("//@style")


def test_drawing_without_a_label_is_hidden_from_readers_of_the_screen() -> None:
    assert 'aria-hidden="true"' in Drawing(1, 1).finish("").markup


def test_coordinates_have_at_most_one_decimal_and_no_negative_zero() -> None:
    assert [format_number(value) for value in (1.0, 1.25, -0.01, 100.04)] == ["1", "1.2", "0", "100"]
