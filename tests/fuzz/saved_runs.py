"""Saved runs of any damage: loaded, reported in one of the formats and merged, or refused in one line."""

from __future__ import annotations

import copy
import json
import random
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from perfbench.errors import PerfbenchError
from perfbench.report import build
from perfbench.report.formats import list_formats, load_renderer, terminal
from perfbench.report.status import check_report_status
from perfbench.report.tables.comparison import NUMBERS_COLUMN, OPTIONAL_COLUMNS
from perfbench.results import merge
from perfbench.results.document import RUNS, check_run

PATH = Path("saved.json")
GOLDEN = Path(__file__).resolve().parents[1] / "data" / "golden" / "run-schema-1.json"
NARROW_WIDTHS = (40, 80)
COLUMNS = (*OPTIONAL_COLUMNS, NUMBERS_COLUMN)

STRANGE_VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1,
    2**63,
    -(2**70),
    10**400,
    1e308,
    -1e308,
    5e-324,
    0.0,
    "",
    "x",
    "NaN",
    "\x1b[31m\u202e",
    "a" * 5000,
    [],
    {},
    [[]],
    ["x"],
    [1, 2],
    {"x": 1},
)


def generate(seed: int, count: int) -> Iterator[bytes]:
    """This many mutated documents; the same seed gives the same."""
    sound = GOLDEN.read_bytes()
    dice = random.Random(seed)
    for _ in range(count):
        yield mutate(sound, dice.getrandbits(32))


def check(data: bytes) -> str:
    """Load a document, show it in the format that its bytes select, merge it, and return the exit code.

    Raises what is not documented: anything but a PerfbenchError of one line.
    """
    try:
        run = check_run(PATH, RUNS.decode(PATH, data))
        report = build.build_report(run, COLUMNS)
        formats = (*list_formats(), *NARROW_WIDTHS)
        match formats[zlib.crc32(data) % len(formats)]:
            case int(width):
                terminal.render(report, width=width)
            case str(name):
                load_renderer(name)(report)
        build.build_report(merge.merge_runs(run, run), COLUMNS)
        check_report_status(report)
    except PerfbenchError as error:
        cause, *hints = error.lines
        if not cause.strip() or "\n" in cause or len(hints) > 1:
            raise AssertionError(f"not one line: {error.lines}") from error
        return str(error.exit_code.value)
    return "0"


def mutate(data: bytes, seed: int) -> bytes:
    """The document with a few values, keys or bytes changed, by this seed."""
    dice = random.Random(seed)
    if dice.random() < 0.2:
        return _mutate_bytes(data, dice)
    document = json.loads(data)
    for _ in range(dice.choice((1, 1, 1, 2, 3, 8))):
        _mutate_value(document, dice)
    return json.dumps(document, allow_nan=True).encode()


def _mutate_bytes(data: bytes, dice: random.Random) -> bytes:
    content = bytearray(data)
    for _ in range(dice.choice((1, 1, 3, 20))):
        place = dice.randrange(len(content))
        match dice.randrange(4):
            case 0:
                content[place] = dice.randrange(256)
            case 1:
                del content[place : place + dice.randrange(1, 40)]
            case 2:
                content[place:place] = content[place : place + dice.randrange(1, 40)]
            case _:
                del content[place:]
        if not content:
            break
    return bytes(content)


def _mutate_value(document: Any, dice: random.Random) -> None:
    """Change one place of a JSON value, every depth as likely as the next."""
    place = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = dice.choice(keys)
        inner = place[key]
        if isinstance(inner, (dict, list)) and inner and dice.random() < 0.85:
            place = inner
            continue
        dice.choice(CHANGES)(place, key, dice)
        return


def _replace(place: Any, key: Any, dice: random.Random) -> None:
    place[key] = copy.deepcopy(dice.choice(STRANGE_VALUES))


def _keep_type(place: Any, key: Any, dice: random.Random) -> None:
    """Another value of the same type: what a loader that looks at types alone lets pass."""
    value = place[key]
    if isinstance(value, bool):
        place[key] = not value
    elif isinstance(value, int):
        place[key] = dice.choice((0, -1, -value, value + 1, value * 1000, 2**62, 2**63 - 1, -(2**63)))
    elif isinstance(value, float):
        place[key] = dice.choice((0.0, -0.0, -value, value * 1e300, value * 1e-300, 1e308, -1e308, 5e-324, value * 2))
    elif isinstance(value, str):
        place[key] = dice.choice(
            ("", f"{value}x", "x", value[:-1], f"{value} ", "\x00", "é@#/", "\x1b[31m\u202e", "a" * 300)
        )
    elif isinstance(value, list):
        place[key] = dice.choice(([], value[:1], value * 2, value[::-1]))
    elif isinstance(value, dict):
        place[key] = {}


def _remove(place: Any, key: Any, dice: random.Random) -> None:
    del dice
    del place[key]


def _repeat(place: Any, key: Any, dice: random.Random) -> None:
    if isinstance(place, list):
        place.insert(dice.randrange(len(place) + 1), json.loads(json.dumps(place[key])))
    else:
        place[f"{key}2"] = place[key]


CHANGES: tuple[Callable[[Any, Any, random.Random], None], ...] = (
    *[_keep_type] * 6,
    _replace,
    _remove,
    _repeat,
)
