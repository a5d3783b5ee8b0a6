"""SVG drawings as text: a few elements with escaped content, styled by classes alone.

A page forbids style attributes, so that everything that has a colour or a font has a class of ``page.css``. Coordinates are those
of the drawing's own box; a page scales it to the width that it has.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from perfbench.util.formatting import make_printable

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Svg:
    """A finished drawing. Templates insert its markup as it is."""

    markup: str

    def __html__(self) -> str:
        """The markup, for a template."""
        return self.markup


def escape(text: str) -> str:
    """Text as content or as an attribute: no markup, and nothing that is not printable."""
    return html.escape(make_printable(text))


def format_number(value: float) -> str:
    """A coordinate with at most one decimal: ``12``, ``12.5``."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


class Drawing:
    """A drawing that is being made; ``finish`` returns it."""

    def __init__(self, width: float, height: float) -> None:
        self.width = width
        self.height = height
        self._parts: list[str] = []

    def add_line(self, start: Point, end: Point, css: str) -> None:
        """A straight line."""
        (x1, y1), (x2, y2) = start, end
        self._add_path(f"M{format_number(x1)} {format_number(y1)}L{format_number(x2)} {format_number(y2)}", css)

    def add_lines(self, lines: Iterable[tuple[Point, Point]], css: str) -> None:
        """Straight lines of one kind, as one element."""
        parts = [f"M{_join(start)}L{_join(end)}" for start, end in lines]
        if parts:
            self._add_path("".join(parts), css)

    def add_polyline(self, points: Sequence[Point], css: str) -> None:
        """A broken line through the points; nothing for fewer than two."""
        if len(points) > 1:
            self._add_path("M" + "L".join(map(_join, points)), css)

    def add_steps(self, points: Sequence[Point], css: str) -> None:
        """A line of steps: along to the next point, then up or down to it."""
        if points:
            parts = [f"M{_join(points[0])}"]
            parts += [f"H{format_number(x)}V{format_number(y)}" for x, y in points[1:]]
            self._add_path("".join(parts), css)

    def add_area(self, points: Sequence[Point], css: str) -> None:
        """A filled polygon."""
        if len(points) > 2:
            self._add_path("M" + "L".join(map(_join, points)) + "Z", css)

    def add_dots(self, points: Iterable[Point], css: str) -> None:
        """Dots of one kind, as one element: the class gives their size by the width of a round line."""
        parts = [f"M{_join(point)}h0" for point in points]
        if parts:
            self._add_path("".join(parts), f"dot {css}")

    def add_rectangle(self, corner: Point, width: float, height: float, css: str, title: str = "") -> None:
        """A rectangle from its upper left corner; ``title`` is shown when the pointer is on it."""
        place = f'x="{format_number(corner[0])}" y="{format_number(corner[1])}"'
        size = f'width="{format_number(max(0.0, width))}" height="{format_number(max(0.0, height))}"'
        end = f"><title>{escape(title)}</title></rect>" if title else "/>"
        self._parts.append(f'<rect class="{css}" {place} {size}{end}')

    def add_text(
        self, place: Point, text: str, css: str = "label", *, anchor: str = "start", turn: float = 0.0
    ) -> None:
        """A line of text. ``anchor``: start, middle or end; ``turn``: degrees clockwise about its place."""
        x, y = map(format_number, place)
        turned = f' transform="rotate({format_number(turn)} {x} {y})"' if turn else ""
        at = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self._parts.append(f'<text class="{css}" x="{x}" y="{y}"{at}{turned}>{escape(text)}</text>')

    def add_markup(self, markup: str) -> None:
        """Markup that is made of escaped parts."""
        self._parts.append(markup)

    def finish(self, label: str, css: str = "") -> Svg:
        """The drawing.

        :param label: what it shows, for those who do not see it.
        """
        box = f"0 0 {format_number(self.width)} {format_number(self.height)}"
        shown = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
        name = f' class="{css}"' if css else ""
        return Svg(f'<svg{name} viewBox="{box}" {shown}>{"".join(self._parts)}</svg>')

    def _add_path(self, commands: str, css: str) -> None:
        self._parts.append(f'<path class="{css}" d="{commands}"/>')


def _join(point: Point) -> str:
    return f"{format_number(point[0])} {format_number(point[1])}"
