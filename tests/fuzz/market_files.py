"""Mutated market files: seeded mutations of bytes, lines, JSON values and tokens, and the check of what becomes of them.

A file is refused in one line with a hint, or accepted; then a reader that takes the file as Python's text mode and json do finds
the same updates, markets and runners in it.
"""

from __future__ import annotations

import copy
import json
import random
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from perfbench.datasets.description import MarketDescription
from perfbench.datasets.generator.market import stream_lines
from perfbench.datasets.generator.recipe import Recipe
from perfbench.datasets.resolve import describe_markets
from perfbench.datasets.updates import find_turning_points, list_updates
from perfbench.errors import DataProblem

Random = random.Random

RECIPES = (
    Recipe(seed=1, runners=3, updates=40, bsp=True, in_play=True),
    Recipe(seed=2, runners=4, updates=80, markets=2, removal=True),
    Recipe(seed=3, runners=2, updates=40, ladder="levels"),
)

ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 2**31, 2**53 + 1, 2**63, 2**64, 10**30, 10**400, -(10**19), 1e308, float("nan"), float("inf"),
    "", "1", "1.5", "NaN", "Infinity", "mcm", "\x00", "\ud800", "\u202e", "é" * 9, "x" * 4096, [], {}, [[]], [{}], {"id": 1},
    [1, 2], [[1.01, 2]], [[0, 1.01, 2]], [["1.01", "2"]], [[1.01]], [None], "2026-01-01T00:00:00.000Z", "yesterday",
)  # fmt: skip
"""Values that a field may have and should not."""

ODD_LINES = (
    b"\n", b"\r\n", b"\r", b" \t \n", b"\x00" * 64 + b"\n", b"\xef\xbb\xbf\n", b"{}\n", b"[]\n", b"null\n", b"0\n", b'"mcm"\n',
    b'{"op":"mcm"}\n', b'{"op":"mcm","pt":1,"ct":"HEARTBEAT","clk":"A"}\n', b'{"op":"mcm","pt":1,"mc":[]}\n',
    b'{"op":"mcm","pt":1,"mc":null}\n', b'{"op":"mcm","pt":1,"ct":"NEWS","mc":[]}\n', b'{"op":"connection","connectionId":"1"}\n',
    b'{"op":"status","statusCode":"SUCCESS"}\n', b'{"op":"status","statusCode":"FAILURE","connectionClosed":true}\n',
    b'{"op":"ocm","pt":1,"oc":[]}\n', b'{"op":"rcm","pt":1,"rc":[]}\n', b'{"op":"heartbeat","id":1}\n', b'{"op":1}\n',
    b"[" * 100_000 + b"\n", b'{"a":' * 20_000 + b"\n", b'{"op":"mcm","pt":1e3,"mc":[]}\n', b"market,time,price\n",
)  # fmt: skip

ODD_BYTES = (
    b"\x00", b"\r", b"\n", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b'"', b"\\", b"\\u", b"\\ud800", b"{", b"}", b"[",
    b"]", b",", b":", b"NaN", b"-Infinity", b"1e999", b"9" * 5000, b"-", b".", b"\x1a", b"\x7f", b"\xe2\x80\xa8", b"//",
)  # fmt: skip

TOKEN = re.compile(rb'"[^"\\]*"|-?\d+\.?\d*|[{}\[\],:]|true|false|null')


def generate(seed: int, count: int) -> Iterator[bytes]:
    """This many mutated files, the same for the same seed."""
    draw = Random(seed)
    sound = [list(stream_lines(recipe)) for recipe in RECIPES]
    for _ in range(count):
        lines = [line.encode() for line in draw.choice(sound)]
        for _ in range(draw.choice((1, 1, 1, 2, 3))):
            lines = draw.choice(MUTATIONS)(lines, draw)
        yield b"".join(lines)


def _mutate_bytes(lines: list[bytes], draw: Random) -> list[bytes]:
    data = bytearray(b"".join(lines))
    for _ in range(draw.choice((1, 1, 4, 64))):
        if data:
            data[draw.randrange(len(data))] = draw.randrange(256)
    return [bytes(data)]


def _insert_bytes(lines: list[bytes], draw: Random) -> list[bytes]:
    data = b"".join(lines)
    place = draw.choice((0, draw.randrange(len(data) + 1), len(data)))
    return [data[:place], draw.choice(ODD_BYTES) * draw.choice((1, 1, 2)), data[place:]]


def _cut(lines: list[bytes], draw: Random) -> list[bytes]:
    data = b"".join(lines)
    first, last = sorted((draw.randrange(len(data) + 1), draw.randrange(len(data) + 1)))
    return [draw.choice((data[:last], data[first:], data[:first] + data[last:]))]


def _encode(lines: list[bytes], draw: Random) -> list[bytes]:
    text = b"".join(lines).decode("utf-8", "replace")
    encoding = draw.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "utf-7", "cp037", "latin-1"))
    return [text.encode(encoding, "replace")]


def _change_line_ends(lines: list[bytes], draw: Random) -> list[bytes]:
    return [b"".join(lines).replace(b"\n", draw.choice((b"\r\n", b"\r", b"\n\n", b"\n\r", b"", b"\x0b", b"\xc2\x85")))]


def _move_lines(lines: list[bytes], draw: Random) -> list[bytes]:
    lines = b"".join(lines).splitlines(keepends=True) or [b""]
    place = draw.randrange(len(lines))
    action = draw.randrange(5)
    if action == 0:
        lines[place:place] = [draw.choice(ODD_LINES)]
    elif action == 1:
        del lines[place]
    elif action == 2:
        lines[place:place] = lines[: draw.randrange(len(lines)) + 1]
    elif action == 3:
        draw.shuffle(lines)
    else:
        lines[place] = lines[place].rstrip(b"\r\n")
    return lines


def _change_value(lines: list[bytes], draw: Random) -> list[bytes]:
    lines = b"".join(lines).splitlines(keepends=True) or [b""]
    place = draw.randrange(len(lines))
    try:
        message = json.loads(lines[place])
    except (ValueError, RecursionError):
        return lines
    parents = list(_list_containers(message))
    if parents:
        parent = draw.choice(parents)
        key = draw.choice(list(parent) if isinstance(parent, dict) else range(len(parent)))
        if draw.random() < 0.2:
            del parent[key]
        else:
            parent[key] = copy.deepcopy(draw.choice(ODD_VALUES))
    lines[place] = json.dumps(message).encode() + b"\n"
    return lines


def _list_containers(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list) and value:
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from _list_containers(item)


def _change_tokens(lines: list[bytes], draw: Random) -> list[bytes]:
    data = b"".join(lines)
    tokens = list(TOKEN.finditer(data))
    if not tokens:
        return [data]
    here, there = draw.choice(tokens), draw.choice(tokens)
    return [data[: here.start()], draw.choice((there.group(), b"", here.group() * 2)), data[here.end() :]]


Mutation = Callable[[list[bytes], Random], list[bytes]]
MUTATIONS: tuple[Mutation, ...] = (
    _mutate_bytes, _insert_bytes, _cut, _encode, _change_line_ends, _move_lines, _move_lines, _change_value, _change_value,
    _change_value, _change_value, _change_tokens,
)  # fmt: skip


def check(data: bytes) -> str:
    """Describe a market file, place its updates, and return its exit code.

    Raises AssertionError for a wrong outcome, and whatever is no DataProblem.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "1.900000100")
        path.write_bytes(data)
        workspace = Path(folder, "workspace")
        workspace.mkdir()
        described, problems = describe_markets(str(path), workspace)
        assert len(described) + len(problems) > 0, "neither described nor refused"
        for problem in problems:
            check_problem(problem)
        for description in described:
            _compare_with_reader(description, Path(description.path))
        return "5" if problems else "0"


def check_problem(problem: DataProblem) -> None:
    """Raises AssertionError unless it is one line with a hint, which can be saved."""
    assert problem.exit_code == 5
    assert len(problem.cause.splitlines()) == 1, problem.cause
    assert problem.hint, problem.cause
    assert len(problem.cause) < 1000, problem.cause
    problem.cause.encode()


def _compare_with_reader(description: MarketDescription, path: Path) -> None:
    """Compare with what betfairlightweight reads: lines of text mode, each with Python's json, caches of runners."""
    updates, runners = 0, set()
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            message: dict[str, Any] = json.loads(line) if line.strip() else {"op": None}
            changes: list[dict[str, Any]] = message.get("mc") or [] if message["op"] == "mcm" else []
            if changes:
                updates += 1
                for change in changes:
                    defined = change.get("marketDefinition", {}).get("runners", ())
                    runners |= {(change["id"], runner["id"], runner.get("hc", 0)) for runner in defined}
    assert (updates, len(runners)) == (description.updates, description.runners)
    assert {market for market, _, _ in runners} <= set(description.market_ids)
    json.dumps(description.market_ids, ensure_ascii=False).encode()
    assert len(list_updates(description.market)) == updates
    find_turning_points(description.market)
