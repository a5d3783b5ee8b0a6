"""Run with another version of Python that is on this machine."""

from __future__ import annotations

from typing import Iterator

from perfbench.kit.lever import SAME, Noted, Proposal, parse_release

KIND = SAME
SOURCE = "https://docs.python.org/3/whatsnew/"


def propose(noted: Noted) -> Iterator[Proposal]:
    """For each available interpreter of another minor version or build."""
    here = parse_release(noted.python)[:2]
    for word in noted.available:
        name, _, version = word.partition("==")
        if not name.startswith(("python", "pypy")) or (name == "python" and parse_release(version)[:2] == here):
            continue
        yield Proposal(
            title="{} {}".format({"python": "Python", "pypy": "PyPy"}.get(name, name), version),
            environment=word,
            write="uv venv --python {}".format(version if name == "python" else name + version),
            reason="Python {} is in use; this one is on this machine".format(noted.python),
        )
