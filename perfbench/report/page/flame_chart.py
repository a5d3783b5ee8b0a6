"""Flame graph of a profile, or differential flame graph of two, as a drawing that can be read without a script.

The script of the page enlarges a frame on a click and marks what is searched for; ``profiles/flamegraph.html`` can do more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from perfbench.profiling.diff import FOREIGN_KINDS
from perfbench.profiling.model import Function, Profile
from perfbench.report.page.blocks import Figure
from perfbench.report.page.svg import Svg, escape, format_number
from perfbench.report.profiles.diff import format_signed_seconds
from perfbench.report.profiles.flamegraph import FrameTable, merge_frames
from perfbench.util import formatting

WIDTH = 1120.0
ROW = 18.0
MIN_WIDTH = 1.0
"""Narrower frames are left out."""

READABLE = 34.0
LETTER = 6.1
STRENGTHS = 4
"""Colours on each side of no change."""

BEFORE, AFTER = 0, 1


@dataclass(frozen=True, slots=True)
class FlameTree:
    """The frames of both sides with all that they called: seconds before and after, and the children of each.

    ``steepest`` is the largest change of a frame, in seconds.
    """

    table: FrameTable
    functions: tuple[Function, ...]
    totals: tuple[tuple[float, ...], tuple[float, ...]]
    children: tuple[tuple[int, ...], ...]
    steepest: float

    def get_name(self, frame: int) -> str:
        """The qualified name of the function of a frame."""
        place = self.table.functions[frame]
        return "whole pass" if place < 0 else self.functions[place].name


def draw_profile(profile: Profile) -> Figure | None:
    """The flame graph of a profile; None where it has no whole stacks."""
    tree = _build_tree(profile, profile)
    if not tree.totals[AFTER][0] > 0:
        return None
    svg = _draw(tree, AFTER, differential=False)
    return Figure(
        svg,
        f"Every frame is a function below its caller, as wide as its seconds of a pass of "
        f"{formatting.format_seconds(profile.seconds)} without the profiler. Grey: the standard library and built-in functions. "
        f"Frames of less than 0.1 % are left out. Click a frame to enlarge it.",
        wide=True,
    )


def draw_difference(before: Profile, after: Profile) -> tuple[Figure, ...]:
    """The differential flame graph laid out by the seconds after, and by those before; none without whole stacks."""
    tree = _build_tree(before, after)
    figures = []
    for side, name in ((AFTER, "after"), (BEFORE, "before")):
        if tree.totals[side][0] > 0:
            caption = (
                f"As wide as the seconds {name}; red: more seconds than before, blue: fewer, the strongest colour for "
                f"{formatting.format_seconds(tree.steepest)} of a pass."
            )
            more = " What only the other side calls is missing here. Click a frame to enlarge it."
            figures.append(Figure(_draw(tree, side, differential=True), caption + more, wide=True))
    return tuple(figures)


def _build_tree(before: Profile, after: Profile) -> FlameTree:
    functions = {function.key: function for profile in (before, after) for function in profile.functions}
    keys = {key: number for number, key in enumerate(functions)}
    table = merge_frames(before, after, keys)
    totals = [list(table.before), list(table.after)]
    children: list[list[int]] = [[] for _ in table.parents]
    for frame in range(len(table.parents) - 1, 0, -1):
        parent = table.parents[frame]
        children[parent].append(frame)
        for side in totals:
            side[parent] += side[frame]
    for own in children:
        own.sort(key=lambda frame: (-max(totals[BEFORE][frame], totals[AFTER][frame]), frame))
    return FlameTree(
        table=table,
        functions=tuple(functions.values()),
        totals=(tuple(totals[BEFORE]), tuple(totals[AFTER])),
        children=tuple(map(tuple, children)),
        steepest=max(abs(second - first) for first, second in zip(*totals, strict=True)),
    )


def _draw(tree: FlameTree, side: int, *, differential: bool) -> Svg:
    parts: list[str] = []
    depth = 0
    scale = WIDTH / tree.totals[side][0]
    waiting: list[tuple[int, float, int]] = [(0, 0.0, 0)]
    while waiting:
        frame, left, row = waiting.pop()
        depth = max(depth, row)
        parts.append(_draw_frame(tree, frame, (left, row, tree.totals[side][frame] * scale), differential=differential))
        for child in tree.children[frame]:
            width = tree.totals[side][child] * scale
            if width >= MIN_WIDTH:
                waiting.append((child, left, row + 1))
                left += width
    box = f"0 0 {format_number(WIDTH)} {format_number((depth + 1) * ROW)}"
    label = "differential flame graph" if differential else "flame graph"
    return Svg(f'<svg class="flame" viewBox="{box}" role="img" aria-label="{label} of one pass">{"".join(parts)}</svg>')


def _draw_frame(tree: FlameTree, frame: int, place: tuple[float, int, float], *, differential: bool) -> str:
    left, row, width = place
    name = tree.get_name(frame)
    css = _choose_change_class(tree, frame) if differential else _choose_kind_class(tree, frame)
    at = f'x="{left:.2f}" y="{format_number(row * ROW)}" width="{width:.2f}" height="{format_number(ROW - 1)}"'
    shown = _cut(name, width) if width >= READABLE else ""
    text = f'<text x="{left + 3:.2f}" y="{format_number(row * ROW + 12.5)}">{escape(shown)}</text>' if shown else ""
    title = escape(_describe_frame(tree, frame, differential=differential))
    return f'<g><title>{title}</title><rect class="{css}" {at}/>{text}</g>'


def _describe_frame(tree: FlameTree, frame: int, *, differential: bool) -> str:
    before, after = tree.totals[BEFORE][frame], tree.totals[AFTER][frame]
    place = tree.table.functions[frame]
    path = f" · {tree.functions[place].path}" if place >= 0 else ""
    if not differential:
        return f"{tree.get_name(frame)}{path} · {formatting.format_seconds(after)}, {after / tree.totals[AFTER][0]:.1%}"
    seconds = formatting.format_seconds_pair(before, after)
    return f"{tree.get_name(frame)}{path} · {seconds}, {format_signed_seconds(after - before)}"


def _choose_change_class(tree: FlameTree, frame: int) -> str:
    """The class of a change: the square root of its share of the largest, so that a quarter is still half as strong."""
    change = tree.totals[AFTER][frame] - tree.totals[BEFORE][frame]
    steepest = tree.steepest
    strength = round(STRENGTHS * math.sqrt(abs(change) / steepest)) if steepest else 0
    return f"{'more' if change > 0 else 'less'}{strength}" if strength else "same"


def _choose_kind_class(tree: FlameTree, frame: int) -> str:
    place = tree.table.functions[frame]
    if place < 0:
        return "same"
    function = tree.functions[place]
    if function.kind in FOREIGN_KINDS:
        return "foreign"
    return f"k{_number_path(function.path)}"


def _number_path(path: str) -> int:
    """A number from 0 to 5 for the package that a file belongs to, the same in every page."""
    package: Sequence[str] = path.split("/")
    return sum(map(ord, package[0])) % 6


def _cut(name: str, width: float) -> str:
    room = int((width - 6) / LETTER)
    return name if len(name) <= room else f"{name[: max(1, room - 1)]}…"
