"""Unchanged clients follow recorded markets at 20 times their speed, to the last book, equal field by field to a replay."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.command_line import HERE
from support.exchange_client import serving

from perfbench.environments import provide
from perfbench.environments.provide import EnvironmentRequest
from perfbench.errors import EnvironmentProblem
from perfbench.util import paths

CLIENTS = {"lightweight": "stream_client.py", "full": "stream_client.py", "flumine": "flumine_follower.py"}
FIELDS = ["EX_MARKET_DEF", "EX_ALL_OFFERS", "EX_TRADED", "EX_TRADED_VOL", "EX_LTP", "SP_TRADED", "SP_PROJECTED"]
INSTALLED = ""
OLD = [
    ("betfairlightweight==2.11.2", "lightweight"),
    ("betfairlightweight==2.11.2", "full"),
    ("betfairlightweight==2.12.0", "lightweight"),
    ("betfairlightweight==2.12.0", "full"),
    ("flumine==2.13.11", "flumine"),
]
LIMIT_SECONDS = 900


def run(python: str, script: str, *given: object) -> None:
    done = subprocess.run(
        [python, str(HERE / "support" / script), *map(str, given)],
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def locate_python(release: str) -> str:
    """The interpreter that has a release."""
    if release == INSTALLED:
        return sys.executable
    (answer,) = provide.provide_environments([EnvironmentRequest(release)], {}, print)
    if isinstance(answer, EnvironmentProblem):
        pytest.skip(str(answer))
    return answer.python


@pytest.mark.slow
@pytest.mark.timeout(3 * LIMIT_SECONDS)
@pytest.mark.parametrize(
    ("release", "mode"),
    [
        *((INSTALLED, mode) for mode in CLIENTS),
        *(pytest.param(*given, marks=pytest.mark.network_heavy) for given in OLD),
    ],
)
@pytest.mark.parametrize("name", ["PRO-1.170258213", "SELF-1.181223994"])
def test_recorded_market_is_followed_to_its_last_book(name: str, release: str, mode: str, tmp_path: Path) -> None:
    market = paths.market_cache_folder() / name
    if not market.exists():
        pytest.skip("perfbench data pull fetches the real files")
    python = locate_python(release)
    options = (
        "--data",
        market,
        "--from",
        "-60s",
        "--speed",
        20,
        "--keep-times",
        "--patience",
        "300s",
        "--conflate-after",
        "300s",
    )
    with serving(*options, *(() if mode == "flumine" else ("--no-api",)), folder=tmp_path) as served:
        opened = served.opened
        fields = json.dumps({"fields": FIELDS})
        if mode == "flumine":
            given: tuple[object, ...] = (opened["api_port"], opened["authority"], opened["markets"][0], fields)
        else:
            given = (mode, json.dumps({"marketIds": opened["markets"]}), fields)
        run(python, CLIENTS[mode], served.port, *given, tmp_path / "followed")
    with market.open() as file:
        before = sum(1 for _ in file) - (opened["updates"] + 1)
    replayed_as = "lightweight" if mode == "lightweight" else "full"
    run(python, "stream_client.py", "replay", market, replayed_as, tmp_path / "replayed", before)
    check_equality(tmp_path / "followed", tmp_path / "replayed", opened["updates"] + 1)


def check_equality(followed: Path, replayed: Path, updates: int) -> None:
    """Line by line: all books of a market at once take gigabytes."""
    number, books = 0, []
    with followed.open() as seen, replayed.open() as expected:
        for number, (line, other) in enumerate(zip(seen, expected, strict=True), 1):
            books = json.loads(line)
            assert line == other or order(books) == order(json.loads(other)), f"book {number}"
    assert number == updates, "the image, and every update"
    assert books[0]["status"] == "CLOSED"


def order(books: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Runners by their number: a client lists them as it first saw them, and the definition changed since the first update."""
    for book in books:
        book["runners"].sort(key=lambda runner: runner["selectionId"])
        book.get("runners_as_objects", []).sort()
    return books
