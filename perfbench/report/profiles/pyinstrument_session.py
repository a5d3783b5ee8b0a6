"""Conversion of a profile to a pyinstrument session, and its call tree for the terminal."""

from __future__ import annotations

import io

from pyinstrument.frame import Frame
from pyinstrument.frame_info import IDENTIFIER_SEP
from pyinstrument.renderers import ConsoleRenderer
from pyinstrument.session import Session
from rich.console import Console
from rich.text import Text

from perfbench.profiling.model import Function, Profile
from perfbench.util.formatting import make_printable

UNIT_TEXT = "seconds of a pass without the profiler"
FOLDED_KINDS = ("standard", "built-in")
MAX_DEPTH = 500
"""Frames below this depth count for the last one above: pyinstrument's renderers call themselves once for each level."""


def build_session(profile: Profile, *, recorded: float = 0.0) -> Session:
    """All passes together, each stack once; in all they last ``profile.seconds``.

    pyinstrument takes the measured library for application code, and may fold the standard library.

    :param recorded: when it was measured, in seconds since 1970.
    """
    frames = [_format_identifier(function) for function in profile.functions]
    records = [
        ([frames[index] for index in stack.frames[:MAX_DEPTH]], stack.seconds) for stack in profile.pool_stacks()
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

    Frames below the share ``threshold`` of the pass are left out, and neighbours in the standard library folded.
    """
    made = build_session(profile)
    if not made.frame_records:
        return ""
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=color, color_system="256" if color else None, no_color=not color
    )
    for line in _TreeRenderer(threshold, color=color).render(made).rstrip().splitlines():
        console.print(Text.from_ansi(line), no_wrap=True, overflow="ellipsis", crop=True)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


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
