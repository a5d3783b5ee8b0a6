"""Conversion of a profile to a pyinstrument session, and its call tree for the terminal."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence

from pyinstrument.frame import Frame
from pyinstrument.frame_info import IDENTIFIER_SEP
from pyinstrument.renderers import ConsoleRenderer
from pyinstrument.session import Session
from rich.console import Console
from rich.text import Text

from perfbench.profiling.model import Function, Profile, Stack
from perfbench.report import prose
from perfbench.util.formatting import make_printable

UNIT_TEXT = "seconds of a pass without the profiler"
FOLDED_KINDS = ("standard", "built-in")
MAX_DEPTH = 500
"""Frames below this depth count for the last one above: pyinstrument's renderers call themselves once for each level."""

MAX_REPEATED_CALLS = 4
"""Calls of a function inside each other above which the tree shows them as one."""

MIN_TREE_DEPTH, MAX_TREE_LINES, MAX_NOTES = 8, 200, 5
NAME_COLUMNS, INDENT_COLUMNS = 50, 3
"""Columns that a line of the tree keeps for its seconds and name, and by which each level is indented."""


def build_session(
    profile: Profile, *, recorded: float = 0.0, stacks: Sequence[Stack] | None = None, depth: int = MAX_DEPTH
) -> Session:
    """All passes together, each stack once; in all they last ``profile.seconds``.

    pyinstrument takes the measured library for application code, and may fold the standard library.

    :param recorded: when it was measured, in seconds since 1970.
    :param stacks: sorted by their frames; None for those of the profile. Frames below the ``depth`` count for the last one above.
    """
    frames = [_format_identifier(function) for function in profile.functions]
    records = [
        ([frames[index] for index in stack.frames[:depth]], stack.seconds)
        for stack in (profile.pool_stacks() if stacks is None else stacks)
    ]
    return Session(
        frame_records=records,
        start_time=recorded,
        duration=profile.seconds,
        min_interval=profile.interval,
        max_interval=profile.interval,
        sample_count=sum(pass_.samples for pass_ in profile.passes),
        start_call_stack=[""],  # an empty list is an IndexError in root_frame()
        target_description=f"{make_printable(profile.case.id)} · {UNIT_TEXT}",
        cpu_time=profile.seconds,
        sys_path=[],
        sys_prefixes=_list_folded_prefixes(profile),
    )


def render_tree(profile: Profile, *, width: int, color: bool, threshold: float = 0.01) -> str:
    """The call tree as lines of at most ``width`` columns: seconds of a pass, share, function and place; empty without stacks.

    Frames below the share ``threshold`` of the pass are left out, neighbours in the standard library folded, and recursions. The
    tree ends at the depth whose lines still fit; lines below it say what is folded and left out.
    """
    stacks, folded = fold_recursions(profile.pool_stacks())
    depth = max(MIN_TREE_DEPTH, (width - NAME_COLUMNS) // INDENT_COLUMNS)
    made = build_session(profile, stacks=stacks, depth=depth)
    if not made.frame_records:
        return ""
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=color, color_system="256" if color else None, no_color=not color
    )
    lines = _TreeRenderer(threshold, color=color).render(made).rstrip().splitlines()
    for line in lines[:MAX_TREE_LINES]:
        console.print(Text.from_ansi(line), no_wrap=True, overflow="ellipsis", crop=True)
    notes = [
        f"{make_printable(profile.functions[frame].key)} calls itself: up to {calls} calls inside each other are one line"
        for frame, calls in sorted(folded.items(), key=lambda item: -item[1])[:MAX_NOTES]
    ]
    whole = profile.seconds
    cut = sum(stack.seconds for stack in stacks if len(stack.frames) > depth)
    if cut > threshold * whole:
        notes.append(f"deeper than {depth} calls: {cut / whole:.1%} of the pass, which count for the last call shown")
    if len(lines) > MAX_TREE_LINES:
        notes.append(f"{len(lines) - MAX_TREE_LINES} more lines are in the saved files")
    shown = [line.rstrip() for line in out.getvalue().splitlines()]
    return "\n".join([*shown, *(prose.wrap_line(f"  {note}", width) for note in notes)]) + "\n"


def fold_recursions(stacks: Sequence[Stack]) -> tuple[tuple[Stack, ...], dict[int, int]]:
    """The stacks with each recursion as one frame, sorted; and the functions that were folded, with their most calls in a stack.

    A function that stands in some stack more than ``MAX_REPEATED_CALLS`` times is a recursion: what is called between two of its
    calls is folded with it.
    """
    often: dict[int, int] = {}
    for stack in stacks:
        for frame, count in Counter(stack.frames).items():
            if count > MAX_REPEATED_CALLS:
                often[frame] = max(often.get(frame, 0), count)
    if not often:
        return tuple(stacks), {}
    seconds: dict[tuple[int, ...], float] = {}
    for stack in stacks:
        frames: list[int] = []
        for frame in stack.frames:
            if frame in often and frame in frames:
                del frames[frames.index(frame) + 1 :]
            else:
                frames.append(frame)
        seconds[tuple(frames)] = seconds.get(tuple(frames), 0.0) + stack.seconds
    return tuple(Stack(frames, seconds[frames]) for frames in sorted(seconds)), often


def _format_identifier(function: Function) -> str:
    return IDENTIFIER_SEP.join((make_printable(function.name), make_printable(function.path), str(function.line)))


def _list_folded_prefixes(profile: Profile) -> list[str]:
    """The beginnings of paths that pyinstrument takes for installed code."""
    paths = {
        kind: {make_printable(f.path) for f in profile.functions if (f.kind in FOLDED_KINDS) == kind}
        for kind in (True, False)
    }
    return sorted(path for path in paths[True] if path and not any(shown.startswith(path) for shown in paths[False]))


class _TreeColors(ConsoleRenderer.colors_enabled):
    # Nearly every line is code that is measured: it would all be on a blue ground.
    bg_dark_blue_255 = ""
    white_255 = ConsoleRenderer.colors_enabled.bold


class _TreeRenderer(ConsoleRenderer):
    """pyinstrument's tree without its banner, with the share of each frame beside its seconds."""

    def __init__(self, threshold: float, *, color: bool) -> None:
        super().__init__(unicode=True, color=color, processor_options={"filter_threshold": threshold})
        if color:
            self.colors = _TreeColors

    def render_preamble(self, session: Session) -> str:  # noqa: ARG002
        return ""

    def frame_description(self, frame: Frame, *, precision: int = 3, override_time: float | None = None) -> str:
        text = super().frame_description(frame, precision=precision, override_time=override_time)
        seconds, _, rest = text.partition(" ")
        return f"{seconds} {self.frame_proportion_of_total_time(frame.time):.1%} {rest}"
