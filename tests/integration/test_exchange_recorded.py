"""Unchanged clients follow recorded markets at 20 times their speed, to the last book, equal field by field to a replay."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import deque
from pathlib import Path

import pytest
from support import stream_client
from support.command_line import HERE
from support.exchange_client import serving

from perfbench.util import paths

CLIENTS = {"lightweight": "stream_client.py", "full": "stream_client.py", "flumine": "flumine_follower.py"}
FIELDS = ["EX_MARKET_DEF", "EX_ALL_OFFERS", "EX_TRADED", "EX_TRADED_VOL", "EX_LTP", "SP_TRADED", "SP_PROJECTED"]
LIMIT_SECONDS = 600


def run(script: str, *given: object) -> None:
    done = subprocess.run(
        [sys.executable, str(HERE / "support" / script), *map(str, given)],
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("mode", CLIENTS)
@pytest.mark.parametrize("name", ["PRO-1.170258213", "SELF-1.181223994"])
def test_recorded_market_is_followed_to_its_last_book(name: str, mode: str, tmp_path: Path) -> None:
    market = paths.market_cache_folder() / name
    if not market.exists():
        pytest.skip("perfbench data pull fetches the real files")
    options = ("--data", market, "--from", "-60s", "--speed", 20, "--keep-times", "--patience", "60s")
    with serving(*options, *(() if mode == "flumine" else ("--no-api",)), folder=tmp_path) as served:
        opened = served.opened
        fields = json.dumps({"fields": FIELDS})
        if mode == "flumine":
            given: tuple[object, ...] = (opened["api_port"], opened["authority"], opened["markets"][0], fields)
        else:
            given = (mode, json.dumps({"marketIds": opened["markets"]}), fields)
        run(CLIENTS[mode], served.port, *given, tmp_path / "followed")
    seen = [json.loads(line) for line in (tmp_path / "followed").read_text().splitlines()]
    replayed = stream_client.replay(str(market), mode == "lightweight")
    last = deque((json.dumps(books, sort_keys=True, default=str) for books in replayed), maxlen=len(seen))
    assert seen[-1][0]["status"] == "CLOSED"
    assert len(seen) == opened["updates"] + 1, "the image, and every update"
    assert seen == [json.loads(line) for line in last]
