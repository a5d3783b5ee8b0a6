"""A list of files, folders, archives and URLs, one in a line (``--data @list.txt``)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from perfbench.datasets.archives import make_readable
from perfbench.datasets.corpus import remote, remote_listing
from perfbench.datasets.corpus.builder import ListingBuilder
from perfbench.errors import DataProblem
from perfbench.util.files import build_read_problem

MAX_LINE = 8192


def list_specs(name: str, builder: ListingBuilder, list_spec: Callable[[str, ListingBuilder], None]) -> None:
    """Add what each line of a list names: relative to the list; blank lines and those with ``#`` are left out.

    Raises DataProblem for a list that cannot be read or names nothing.
    """
    label = make_readable(name)
    path = Path(os.path.expanduser(name))
    specs = _read_lines(path, f"list {label}")
    if not specs:
        raise DataProblem(f"list {label} has no lines", hint="write one path or URL in each line")
    remote_listing.measure_lines((spec for _, spec in specs if remote.is_url(spec)), builder)
    for number, spec in specs:
        if spec.startswith("@") or len(spec) > MAX_LINE:
            what = "names another list" if spec.startswith("@") else "is no path"
            builder.add_problem(
                DataProblem(f"{label}, line {number} {what}", hint="write one path or URL in each line")
            )
            continue
        list_spec(_locate(spec, path.parent), builder)


def _locate(spec: str, folder: Path) -> str:
    """A spec of a list relative to its folder, or as it stands if it is a URL, or a known name that is no file there."""
    if remote.is_url(spec):
        return spec
    path = os.path.join(folder, os.path.expanduser(spec))
    return path if os.sep in spec or os.path.lexists(path) or os.path.lexists(spec) else spec


def _read_lines(path: Path, label: str) -> list[tuple[int, str]]:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise build_read_problem(DataProblem, label, error) from error
    lines = text.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    specs = ((number, os.fsdecode(line.strip())) for number, line in enumerate(lines, 1))
    return [(number, spec) for number, spec in specs if spec and not spec.startswith("#")]
