"""A backtest whose orders are refused shows how many, and warns if they are most."""

from __future__ import annotations

from pathlib import Path

from support.command_line import perfbench


def test_backtest_shows_how_many_orders_were_refused(tmp_path: Path) -> None:
    perfbench("data", "generate", "market", "--seed", "7", "--runners", "6", "--updates", "60", folder=tmp_path)
    asked = ("backtest", "--data", "market", "--mode", "flumine_reader", "--rounds", "1", "--quiet")
    refusing = "strategy_parameters=every=1,within=360000,max_order_exposure=1"
    done = perfbench("run", *asked, "--set", refusing, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    head, row = done.stdout.splitlines()[1:3]
    assert "refused" in head
    assert "0 orders   240 orders" in row
    assert "every order was refused (flumine_reader 240 of 240)" in done.stdout
