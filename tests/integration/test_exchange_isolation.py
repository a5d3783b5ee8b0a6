"""The exchange and its clients never leave this machine."""

from __future__ import annotations

import re
from pathlib import Path

from betfairlightweight import filters
from support.command_line import HERE
from support.exchange_client import Client, serving, trader

from perfbench.datasets.generator.files import write_market
from perfbench.datasets.generator.recipe import Recipe

LOCAL = re.compile(r"'?(127\.0\.0\.1|localhost|::1)'?")


def test_exchange_opens_no_socket_beyond_loopback(tmp_path: Path) -> None:
    market, notes = tmp_path / "1.100000091", tmp_path / "notes"
    write_market(Recipe(seed=91, runners=3, updates=60), market)
    noting = {"PYTHONPATH": str(HERE / "data" / "loopback"), "LOOPBACK_NOTES": str(notes)}
    with (
        serving("--data", market, "--rtt", "1ms", "--wait-for", 9, folder=tmp_path, **noting) as served,
        trader(served, lightweight=True) as client,
        Client(served.port) as stream,
    ):
        client.login_interactive()
        client.betting.list_market_catalogue(filters.market_filter(), max_results=9)
        client.account.get_account_funds()
        stream.authenticate()
        stream.subscribe(marketFilter={})
    noted = notes.read_text().splitlines()
    assert {line.split()[0] for line in noted} >= {"socket.bind", "socket.connect"}, "the notes are taken"
    addresses = {line.partition(" ")[2] for line in noted}
    assert all(LOCAL.match(address.removeprefix("(")) for address in addresses), addresses
