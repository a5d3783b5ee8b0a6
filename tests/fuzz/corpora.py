"""Mutated corpora: damaged archives and odd lists, listed and opened file by file.

Every file is a member, counted as left out, or a problem; names are unique and fit to be saved; nothing stays on the disk.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fuzz import archives
from fuzz.market_files import check_problem
from perfbench.datasets.corpus.listing import list_corpus
from perfbench.datasets.corpus.opening import discard, open_member, peek_member

LIST_MARK = b"# a list\n"

ODD_LINES = (
    b"data", b"data/", b"./data/../data", b"data/archive", b"data/missing", b"", b"   ", b"#", b"@list.txt", b"@", b"-",
    b"sample-win", b"sample", b"~", b"~nobody/x", b"caf\xe9", b"\x00", b"a\x00b", b"x" * 5000, b"x/" * 3000,
    b"\xef\xbb\xbfdata", b"data\r", b"\x1b[31m", b"http://", b"http://[::1", b"http://127.0.0.1:1/x.tar", b"s3://",
    b"memory://", b"memory://x", b"nonsense://x", b"://", b"list.txt", b"simplecache::memory://x", b"data\\archive",
    "ü/é".encode(), b"\xed\xa0\x80",
)  # fmt: skip


def generate(seed: int, count: int) -> Iterator[bytes]:
    """This many damaged archives and odd lists, the same for the same seed."""
    draw = random.Random(seed)
    damaged = archives.generate(seed, count)
    for data in damaged:
        if draw.random() < 0.3:
            yield LIST_MARK + b"\n".join(draw.choice(ODD_LINES) for _ in range(draw.randrange(6)))
        elif draw.random() < 0.3:
            yield data + draw.choice(archives.BUILDERS)(draw)
        else:
            yield data


def check(data: bytes) -> str:
    """List and open a corpus; returns the exit code of its description, with ``+`` if some of it can be used.

    Raises AssertionError for a wrong outcome, and whatever is no DataProblem.
    """
    with tempfile.TemporaryDirectory() as name:
        folder, workspace = Path(name, "data"), Path(name, "workspace")
        folder.mkdir()
        workspace.mkdir()
        (folder / "archive").write_bytes(data)
        (Path(name) / "list.txt").write_bytes(data if data.startswith(LIST_MARK) else b"data\ndata/archive\n")
        outcomes = [_check_spec(spec, workspace) for spec in (f"{folder}/archive", str(folder), f"@{name}/list.txt")]
        assert [file.name for file in folder.iterdir()] == ["archive"], "something was written beside the archive"
        assert (folder / "archive").read_bytes() == data, "the archive was changed"
    return outcomes[2 if data.startswith(LIST_MARK) else 1]


def _check_spec(spec: str, workspace: Path) -> str:
    notes: list[str] = []
    listing = list_corpus([spec], notes.append)
    assert list_corpus([spec], notes.append).digest == listing.digest, "two listings differ"
    names = [member.name for member in listing.members]
    assert len(set(names)) == len(names), "two members have one name"
    assert "".join((*names, *notes)).isprintable()
    described, problems, skipped = 0, list(listing.problems), sum(listing.skipped.values())
    for member in listing.members:
        opened = open_member(member, workspace)
        assert all(Path(market.path).is_file() for market in opened.markets)
        assert opened.markets or opened.problems or opened.skipped, "a member vanished without a word"
        if opened.markets:
            assert not peek_member(member), "a market was taken for something else"
        described += len(opened.markets)
        problems += opened.problems
        skipped += len(opened.skipped)
        discard(opened)
    for problem in problems:
        check_problem(problem)
    assert described or problems or skipped, "a corpus vanished without a word"
    assert not list(workspace.iterdir()), "unpacked files stay"
    return ("5+" if described else "5") if problems else "0"
