"""An exchange on a socket: it sends the updates of a market file to a trader, from wherever the trader was on.

As the real one does, it answers a subscription with an image of the markets and goes on with the updates after it. Unlike the real
one it leaves none out: a trader that was away gets all it missed, one by one and as fast as it takes them.
"""

from __future__ import annotations

import json
import socket
from collections import deque
from pathlib import Path
from subprocess import Popen
from typing import Any, Deque, Dict, Iterable, List, NamedTuple, Optional, Tuple

from perfbench import NotAvailable

BY_PLACE = ("batb", "batl", "bdatb", "bdatl")
BY_PRICE = ("trd", "atb", "atl", "spb", "spl")
"""A runner's ladders: lists of place, price and size, or of price and size. Size 0 takes an entry away."""

EVERY = 16
"""Updates from one image that is made beforehand to the next; one in between costs at most so many updates more."""

BLOCK = 32
"""Updates sent at a time."""

END = b'{"op":"end"}\n'
DONE = b"done\n"
PATIENCE = 0.5
"""Seconds until a look whether the trader is still there."""


class Update(NamedTuple):
    """One line of the stream: when it was published (ms since 1970), and its market changes."""

    published: int
    changes: List[Dict[str, Any]]


class Markets:
    """What the stream has said so far, merged."""

    def __init__(self) -> None:
        self._markets: Dict[str, Dict[str, Any]] = {}
        self._runners: Dict[str, Dict[Tuple[int, float], Dict[str, Any]]] = {}

    def apply(self, changes: Iterable[Dict[str, Any]]) -> None:
        """Merge the changes of one update."""
        for change in changes:
            name = change["id"]
            if change.get("img") or name not in self._markets:
                self._markets[name], self._runners[name] = {"id": name, "img": True}, {}
            self._markets[name].update((key, change[key]) for key in ("marketDefinition", "tv") if key in change)
            for runner in change.get("rc", ()):
                place = runner["id"], runner.get("hc", 0)
                known = self._runners[name].setdefault(
                    place, {key: runner[key] for key in ("id", "hc") if key in runner}
                )
                _merge(known, runner)

    def image(self) -> List[Dict[str, Any]]:
        """All markets in full, as changes."""
        return [
            {**market, "rc": [_flat(runner) for runner in self._runners[name].values()]}
            for name, market in self._markets.items()
        ]


def _merge(known: Dict[str, Any], runner: Dict[str, Any]) -> None:
    for key, value in runner.items():
        if key not in BY_PLACE + BY_PRICE:
            known[key] = value
        elif key == "trd" and not value:
            known[key] = {}  # said of a runner whose bets are void
        else:
            ladder = known.setdefault(key, {})
            for entry in value:
                if entry[-1]:
                    ladder[entry[0]] = entry
                else:
                    ladder.pop(entry[0], None)


def _flat(runner: Dict[str, Any]) -> Dict[str, Any]:
    return {key: list(value.values()) if isinstance(value, dict) else value for key, value in runner.items()}


class Exchange:
    """The last so many updates of a market file on a local port. Raises NotAvailable for a file of fewer than three."""

    def __init__(self, market: str, updates: int) -> None:
        window: Deque[Update] = deque()
        markets = Markets()
        for update in _updates(market):
            window.append(update)
            if len(window) > max(1, updates):
                markets.apply(window.popleft().changes)
        if len(window) < 3:
            raise NotAvailable(
                "{} has {} updates, which leaves no time to restart".format(Path(market).name, len(window))
            )
        self.published = [update.published for update in window]
        self._lines = [_line(clk, pt, changes) for clk, (pt, changes) in enumerate(window, 1)]
        self._images = []
        for position, update in enumerate(window):
            if position % EVERY == 0:
                self._images.append(json.dumps(markets.image()))
            markets.apply(update.changes)
        self._door = socket.create_server(("127.0.0.1", 0))
        self._door.settimeout(PATIENCE)
        self.port: int = self._door.getsockname()[1]

    def close(self) -> None:
        """Nobody can connect any longer."""
        self._door.close()

    @property
    def amount(self) -> int:
        """How many updates it sends."""
        return len(self._lines)

    @property
    def image_bytes(self) -> int:
        """The size of the largest image."""
        return max(map(len, self._images))

    def image(self, position: int) -> bytes:
        """All markets after so many updates, as the message that answers a subscription."""
        earlier = min(position // EVERY, len(self._images) - 1)
        markets = Markets()
        markets.apply(json.loads(self._images[earlier]))
        for line in self._lines[earlier * EVERY : position]:
            markets.apply(json.loads(line)["mc"])
        return _line(position, self.published[max(0, position - 1)], markets.image(), ct="SUB_IMAGE")

    def serve(self, trader: Popen[bytes]) -> None:
        """Send to one connection after the other, until a trader has had everything. Raises RuntimeError if it is no more."""
        while True:
            connection = self._accepted(trader)
            with connection, connection.makefile("rb") as said:
                try:
                    asked = said.readline()
                    if not asked:
                        continue
                    position = json.loads(asked)["clk"]
                    connection.sendall(self.image(position))
                    for first in range(position, self.amount, BLOCK):
                        connection.sendall(b"".join(self._lines[first : first + BLOCK]))
                    connection.sendall(END)
                    if said.readline() == DONE:
                        return
                except (ConnectionError, socket.timeout):
                    continue  # it restarts: its next process comes and says how far it got

    def _accepted(self, trader: Popen[bytes]) -> socket.socket:
        while True:
            try:
                connection, _ = self._door.accept()
            except socket.timeout:
                if trader.poll():
                    raise RuntimeError("the trader ended with code {}".format(trader.returncode)) from None
                continue
            connection.settimeout(None)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection


def _updates(market: str) -> Iterable[Update]:
    with open(market, encoding="utf-8") as lines:
        for line in lines:
            message = json.loads(line)
            if message.get("mc"):
                yield Update(message["pt"], message["mc"])


def _line(clk: int, published: int, changes: List[Dict[str, Any]], ct: Optional[str] = None) -> bytes:
    kind = {"ct": ct} if ct else {}
    return (
        json.dumps({"op": "mcm", "id": STREAM, **kind, "clk": str(clk), "pt": published, "mc": changes}).encode()
        + b"\n"
    )


STREAM = 2
"""The id of the subscription. 0 would be that of a historical stream."""
