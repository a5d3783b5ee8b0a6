"""Profile files for other programs: pyinstrument, speedscope, flamegraph.pl and browsers."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

from pyinstrument.frame import Frame
from pyinstrument.frame_ops import delete_frame_from_tree
from pyinstrument.renderers import HTMLRenderer, SpeedscopeRenderer
from pyinstrument.renderers.html import JSONForHTMLRenderer
from pyinstrument.session import Session

from perfbench.profiling.model import Profile
from perfbench.report.profiles.pyinstrument_session import build_session
from perfbench.util.files import write_atomically
from perfbench.util.formatting import make_printable

FONT_URL_PATTERN = re.compile(r"https://fonts\.googleapis\.com/[^\"']*")
EMPTY_STYLESHEET = "data:text/css,"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline' data:; script-src 'unsafe-inline'; img-src data:;"
    " base-uri 'none'; form-action 'none'"
)
HEAD_MARKUP = (
    f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_SECURITY_POLICY}">\n<link rel="icon" href="data:,">'
)
CHARSET_MARKUP = '<meta charset="utf-8">'


def write_profile_files(profile: Profile, folder: Path, stem: str) -> tuple[Path, ...]:
    """The files that were written, each at one stroke; none for a profile without stacks. Raises StorageProblem.

    ``.pyisession`` is for ``pyinstrument --load``, ``.speedscope.json`` for speedscope.app, ``.collapsed.txt`` for flamegraph.pl
    and all that read what it reads, and ``.html`` for any browser.
    """
    made = build_session(profile, recorded=time.time())
    if not made.frame_records:
        return ()
    contents = {
        ".pyisession": json.dumps(made.to_json()),
        ".speedscope.json": format_speedscope(made),
        ".collapsed.txt": format_collapsed(profile),
        ".html": render_html(made),
    }
    paths = []
    for suffix, content in contents.items():
        paths.append(folder / f"{stem}{suffix}")
        write_atomically(paths[-1], content.encode())
    return tuple(paths)


def format_collapsed(profile: Profile) -> str:
    """A line for each stack, ``frame;frame;frame COUNT``; the counts are microseconds of a pass without the profiler.

    The format is that of github.com/brendangregg/FlameGraph. In a frame, ``;`` is written as ``,`` and a space as ``_``.
    """
    names = [make_printable(function.key).replace(";", ",").replace(" ", "_") for function in profile.functions]
    lines, before, seconds = [], 0, 0.0
    for stack in profile.pool_stacks():
        seconds += stack.seconds
        after = round(seconds * 1e6)  # rounding the sum so far keeps the whole exact
        if after > before:
            lines.append(f"{';'.join(names[index] for index in stack.frames) or '[root]'} {after - before}\n")
        before = after
    return "".join(lines)


def format_speedscope(made: Session) -> str:
    """A session in the file format of speedscope.app, without what its schema forbids in pyinstrument's: fields that are null.

    Frames keep their own time, as speedscope expects it, where pyinstrument has a frame ``[self]`` for it.
    """
    renderer = SpeedscopeRenderer(show_all=True)
    renderer.processors.append(_keep_own_time)
    document: dict[str, Any] = json.loads(renderer.render(made))
    del document["activeProfileIndex"]
    document["name"] = document["profiles"][0]["name"] = made.target_description
    frames = document["shared"]["frames"]
    document["shared"]["frames"] = [
        {name: value for name, value in frame.items() if value not in (None, "")} for frame in frames
    ]
    return json.dumps(document)


def render_html(made: Session) -> str:
    """pyinstrument's page of a session, self-contained: it fetches no fonts, and no name in it is taken for HTML."""
    data: str = JSONForHTMLRenderer().render(made)
    html: str = HTMLRenderer(resample_interval=0).render(made)
    start, separator, end = html.partition(data)
    assert separator, "pyinstrument no longer writes its data as it renders it"
    start = FONT_URL_PATTERN.sub(EMPTY_STYLESHEET, start).replace(CHARSET_MARKUP, f"{CHARSET_MARKUP}\n{HEAD_MARKUP}", 1)
    return start + data.replace("<", "\\u003c") + end


def _keep_own_time(frame: Frame | None, options: dict[str, Any]) -> Frame | None:
    for child in frame.children if frame is not None else ():
        if child.is_synthetic_leaf:
            delete_frame_from_tree(child, replace_with="nothing")
        else:
            _keep_own_time(child, options)
    return frame
