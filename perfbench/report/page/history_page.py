"""The page of histories: the cost over releases or commits, from all sweeps and runs of a folder that can be chained."""

from __future__ import annotations

from collections.abc import Sequence

from perfbench.report.page import curve_charts
from perfbench.report.page.blocks import Block, Cell, Figure, Head, Line, Page, Section, Table, TableRow
from perfbench.report.page.mark_labels import Curve
from perfbench.report.release_history import History
from perfbench.sweep.history import HistoryPoint
from perfbench.util import formatting

METHOD_TEXT = (
    "Seconds of different runs say nothing about each other; the cost of a release is the product of ratios that were measured in "
    "pairs, along the most precise chain from the first release. Bands are 95 % intervals and grow with every link."
)


def build_history_page(histories: Sequence[History]) -> Page:
    """The page of these histories, a section for each."""
    releases = max(len(history.releases) for history in histories)
    return Page(
        title="Cost over releases and commits",
        sentence=Line(
            f"{formatting.format_plural(len(histories), 'history', 'histories')}, the longest over {releases} releases."
        ),
        more=(METHOD_TEXT,),
        sections=tuple(_build_section(history, number) for number, history in enumerate(histories, 1)),
    )


def _build_section(history: History, number: int) -> Section:
    runs = dict.fromkeys(run for _, points in history.lines for point in points for run in point.runs)
    blocks: tuple[Block, ...] = (_draw(history), _build_table(history))
    return Section(f"history-{number}", history.key.title, blocks, _describe(history, list(runs)))


def _describe(history: History, runs: Sequence[str]) -> str:
    text = f"Chained from {', '.join(runs)}."
    if history.disagreements:
        text += f" Runs that do not agree: {'; '.join(history.disagreements)}."
    return text


def _draw(history: History) -> Figure:
    places = {release: float(place) for place, release in enumerate(history.releases)}
    curves = [
        Curve(mode, tuple((places[point.release], point.relative, point.low, point.high) for point in points))
        for mode, points in history.lines
    ]
    name = f"time relative to {history.lines[0][1][0].release}"
    svg = curve_charts.draw_places(history.releases, curves, history.key.title, name)
    return Figure(svg, f"{history.key.title}: {name}; below 1.0 is faster.", wide=True)


def _build_table(history: History) -> Table:
    """A row for each release, a column for each mode."""
    by_mode = [(mode, {point.release: point for point in points}) for mode, points in history.lines]
    rows = tuple(
        TableRow((Cell(release), *(_build_cell(points.get(release)) for _, points in by_mode)), (("release", release),))
        for release in history.releases
    )
    return Table(
        f"Costs of {history.key.title}", (Head("release", left=True), *(Head(mode) for mode, _ in by_mode)), rows
    )


def _build_cell(point: HistoryPoint | None) -> Cell:
    if point is None:
        return Cell("")
    return Cell(f"{point.relative:.3f}", f"{point.low:.3f}–{point.high:.3f}", sort=point.relative)
