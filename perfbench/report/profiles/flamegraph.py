"""Differential flame graph of two profiles, as a self-contained HTML page.

Two stacks are the same where all their functions have the same keys. The page itself, with its style and script, is
``flamegraph.html``.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

import msgspec

from perfbench.profiling.model import Function, Profile
from perfbench.util import formatting
from perfbench.util.formatting import make_printable

TEMPLATE_FILE = "flamegraph.html"
NO_PARENT = -1
"""The parent, and the function, of the root: the whole pass."""


@dataclass(frozen=True, slots=True)
class ProfileSummary:
    """One profile on the page. ``seconds`` are those of a pass, ``sample`` is the weight of one sample."""

    environment: str
    seconds: float
    sample: float
    about: str


@dataclass(frozen=True, slots=True)
class ShownFunction:
    """A function as the page shows it. ``change``: of its own seconds in a pass, where another measurement gives it."""

    name: str
    path: str
    line: int
    kind: str
    change: float | None


@dataclass(frozen=True, slots=True)
class FrameTable:
    """The frames of both profiles, in four rows of numbers: parents come before children, and the root is the first.

    ``before`` and ``after`` are the seconds of a pass in which a frame ran itself; 0 where a side does not have it.
    """

    parents: tuple[int, ...]
    functions: tuple[int, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PageData:
    """The data of the script of the page."""

    title: str
    what: str
    sides: tuple[ProfileSummary, ProfileSummary]
    functions: tuple[ShownFunction, ...]
    frames: FrameTable


def render(before: Profile, after: Profile, changes: Mapping[str, float] | None = None) -> str:
    """The page, as HTML that fetches nothing. A profile without stacks gives a page without frames.

    :param changes: by the key of a function, the change of its own seconds in a pass, for the list of functions; a function that is
        not in it, and everything without it, has the difference of the two profiles.
    """
    page = _build_page(before, after, changes or {})
    data = msgspec.json.encode(page).decode()
    for char in "<>&\u2028\u2029":
        data = data.replace(char, f"\\u{ord(char):04x}")
    values = {"title": html.escape(f"{page.title} · {page.what}"), "data": data}
    template = files("perfbench.report.profiles").joinpath(TEMPLATE_FILE).read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda place: values[place[1]], template)


def merge_frames(before: Profile, after: Profile, keys: Mapping[str, int]) -> FrameTable:
    """The two trees laid over each other.

    :param keys: the number of each function, by its key.
    """
    numbers: dict[tuple[int, int], int] = {}
    parents, functions = [NO_PARENT], [NO_PARENT]
    own: tuple[list[float], list[float]] = ([0.0], [0.0])
    for side, profile in enumerate((before, after)):
        places = [keys[function.key] for function in profile.functions]
        for stack in profile.pool_stacks():
            frame = 0
            for index in stack.frames:
                edge = (frame, places[index])
                if edge not in numbers:
                    numbers[edge] = len(parents)
                    parents.append(frame)
                    functions.append(places[index])
                    own[0].append(0.0)
                    own[1].append(0.0)
                frame = numbers[edge]
            own[side][frame] += stack.seconds
    return FrameTable(tuple(parents), tuple(functions), *(tuple(round(s, 9) for s in seconds) for seconds in own))


def _build_page(before: Profile, after: Profile, changes: Mapping[str, float]) -> PageData:
    functions = {function.key: function for profile in (before, after) for function in profile.functions}
    keys = {key: number for number, key in enumerate(functions)}
    first, second = before.case, after.case
    modes = _join_values(f"{first.scenario}/{first.mode}", f"{second.scenario}/{second.mode}")
    whats = (
        modes,
        _join_values(first.data, second.data),
        _join_values(_describe_settings(before), _describe_settings(after)),
    )
    return PageData(
        _join_values(make_printable(first.environment), make_printable(second.environment)),
        make_printable(" · ".join(filter(None, whats))),
        (_describe_side(before), _describe_side(after)),
        tuple(_describe_function(function, changes) for function in functions.values()),
        merge_frames(before, after, keys),
    )


def _describe_side(profile: Profile) -> ProfileSummary:
    samples = sum(pass_.samples for pass_ in profile.passes)
    every = f"{1000 * profile.interval:g} ms"
    passes = formatting.format_plural(len(profile.passes), "profiled pass", "profiled passes")
    about = f"{passes}, {formatting.format_count(samples)} samples by {profile.profiler} every {every}, Python {profile.python}"
    sample = profile.seconds / samples if samples else 0.0
    return ProfileSummary(make_printable(profile.case.environment), profile.seconds, sample, make_printable(about))


def _describe_settings(profile: Profile) -> str:
    return ", ".join(f"{name}={value}" for name, value in profile.case.parameters)


def _join_values(before: str, after: str) -> str:
    return before if before == after else f"{before or formatting.MISSING_TEXT} → {after or formatting.MISSING_TEXT}"


def _describe_function(function: Function, changes: Mapping[str, float]) -> ShownFunction:
    return ShownFunction(
        make_printable(function.name),
        make_printable(function.path),
        function.line,
        function.kind,
        changes.get(function.key),
    )
