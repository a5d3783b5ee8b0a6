"""A profile as files of four kinds, for those who read profiles with other programs."""

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

from perfbench.formatting import printable
from perfbench.pooling import pooled
from perfbench.profile_session import session
from perfbench.profiles import Profile
from perfbench.storage import write_atomically

FONTS = re.compile(r"https://fonts\.googleapis\.com/[^\"']*")
NO_FONTS = "data:text/css,"
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline' data:; script-src 'unsafe-inline'; img-src data:;"
    " base-uri 'none'; form-action 'none'"
)
HEAD = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n<link rel="icon" href="data:,">'
CHARSET = '<meta charset="utf-8">'


def write(profile: Profile, folder: Path, stem: str) -> tuple[Path, ...]:
    """The files that were written, each at one stroke; none for a profile without stacks. Raises StorageProblem.

    ``.pyisession`` is for ``pyinstrument --load``, ``.speedscope.json`` for speedscope.app, ``.collapsed.txt`` for flamegraph.pl
    and all that read what it reads, and ``.html`` for any browser.
    """
    made = session(profile, recorded=time.time())
    if not made.frame_records:
        return ()
    contents = {
        ".pyisession": json.dumps(made.to_json()),
        ".speedscope.json": speedscope(made),
        ".collapsed.txt": collapsed(profile),
        ".html": page(made),
    }
    paths = []
    for suffix, content in contents.items():
        paths.append(folder / f"{stem}{suffix}")
        write_atomically(paths[-1], content.encode())
    return tuple(paths)


def collapsed(profile: Profile) -> str:
    """A line for each stack, ``frame;frame;frame COUNT``; the counts are microseconds of a pass without the profiler.

    The format is that of github.com/brendangregg/FlameGraph. In a frame, ``;`` is written as ``,`` and a space as ``_``.
    """
    names = [printable(function.key).replace(";", ",").replace(" ", "_") for function in profile.functions]
    lines, before, seconds = [], 0, 0.0
    for stack in pooled(profile):
        seconds += stack.seconds
        after = round(seconds * 1e6)  # rounding the sum so far keeps the whole exact
        if after > before:
            lines.append(f"{';'.join(names[index] for index in stack.frames) or '[root]'} {after - before}\n")
        before = after
    return "".join(lines)


def speedscope(made: Session) -> str:
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


def page(made: Session) -> str:
    """pyinstrument's page of a session, self-contained: it fetches no fonts, and no name in it is taken for HTML."""
    data: str = JSONForHTMLRenderer().render(made)
    html: str = HTMLRenderer(resample_interval=0).render(made)
    start, found, end = html.partition(data)
    assert found, "pyinstrument no longer writes its data as it renders it"
    start = FONTS.sub(NO_FONTS, start).replace(CHARSET, f"{CHARSET}\n{HEAD}", 1)
    return start + data.replace("<", "\\u003c") + end


def _keep_own_time(frame: Frame | None, options: dict[str, Any]) -> Frame | None:
    for child in frame.children if frame is not None else ():
        if child.is_synthetic_leaf:
            delete_frame_from_tree(child, replace_with="nothing")
        else:
            _keep_own_time(child, options)
    return frame
