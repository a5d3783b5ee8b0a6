"""A strategy of flumine that waits for the start of its market trades on the exchange."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.command_line import HERE
from support.exchange_client import serving

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe

BOT = HERE / "support" / "flumine_bot.py"
MARKET = "1.900004700"
SPEED, SECONDS_BEFORE = 20.0, 600.0


def test_strategy_that_waits_for_the_start_places_its_order_then(tmp_path: Path) -> None:
    path = tmp_path / MARKET
    write_market(Recipe(seed=47, runners=6, updates=3_000), path)
    opening = ("--from", f"-{SECONDS_BEFORE:g}s", "--speed", SPEED)
    with serving("--data", path, *opening, folder=tmp_path) as served:
        opened = served.opened
        wait = 300.0 / SPEED
        given = (served.port, opened["api_port"], opened["authority"], wait, MARKET)
        done = subprocess.run(
            [sys.executable, BOT, *map(str, given)], capture_output=True, encoding="utf-8", timeout=120, check=False
        )
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert report["first"] == pytest.approx(SECONDS_BEFORE / SPEED, abs=4.0), "30 s ahead: as far as in the market"
    assert report["placed"] is not None, "it waits for ever: the start seems to be far away"
    assert 0 < report["placed"] < wait
    assert report["bet_id"], "the order was accepted"
    assert served.statement["api"]["calls"]["placeOrders"] == 1
