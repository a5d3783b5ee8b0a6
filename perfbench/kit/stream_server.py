"""Minimal stream server: sends the updates of a market file to a trader, resuming wherever the trader stopped.

Like the real exchange, it answers a subscription with an image of the markets and continues with later updates.
Unlike it, it never conflates: a trader that was away gets every missed update, as fast as it reads them.
"""

from __future__ import annotations

import json
import socket
from collections import deque
from pathlib import Path
from subprocess import Popen
from typing import Any, Deque, Dict, Iterable, List, NamedTuple, Optional, Tuple

from perfbench import NotAvailable

LEVEL_LADDERS = ("batb", "batl", "bdatb", "bdatl")
PRICE_LADDERS = ("trd", "atb", "atl", "spb", "spl")
"""Ladders of a runner: entries of level, price and size, or of price and size. Size 0 removes an entry."""

IMAGE_INTERVAL = 16
"""Updates between two stored images; bounds the updates merged for any image."""

UPDATES_PER_SEND = 32
"""Updates per send."""

END = b'{"op":"end"}\n'
DONE = b"done\n"
POLL_SECONDS = 0.5
"""Interval, in seconds, at which the trader's process is checked while waiting for a connection."""


class Update(NamedTuple):
    """Line of the stream: publish time (ms since 1970) and market changes."""

    published: int
    changes: List[Dict[str, Any]]


class Markets:
    """Market cache: merged state of all markets."""

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
                runner_key = runner["id"], runner.get("hc", 0)
                values = self._runners[name].setdefault(
                    runner_key, {key: runner[key] for key in ("id", "hc") if key in runner}
                )
                _merge(values, runner)

    def image(self) -> List[Dict[str, Any]]:
        """Return all markets in full, as changes."""
        return [
            {**market, "rc": [_flatten(runner) for runner in self._runners[name].values()]}
            for name, market in self._markets.items()
        ]


def _merge(values: Dict[str, Any], runner: Dict[str, Any]) -> None:
    for key, value in runner.items():
        if key not in LEVEL_LADDERS + PRICE_LADDERS:
            values[key] = value
        elif key == "trd" and not value:
            values[key] = {}  # sent for a runner whose bets are void
        else:
            ladder = values.setdefault(key, {})
            for entry in value:
                if entry[-1]:
                    ladder[entry[0]] = entry
                else:
                    ladder.pop(entry[0], None)


def _flatten(runner: Dict[str, Any]) -> Dict[str, Any]:
    return {key: list(value.values()) if isinstance(value, dict) else value for key, value in runner.items()}


class Exchange:
    """Server of the last updates of a market file on a local port. Raises NotAvailable for a file of fewer than three
    updates.
    """

    def __init__(self, market: str, updates: int) -> None:
        window: Deque[Update] = deque()
        markets = Markets()
        for update in _read_updates(market):
            window.append(update)
            if len(window) > max(1, updates):
                markets.apply(window.popleft().changes)
        if len(window) < 3:
            raise NotAvailable(
                "{} has {} updates, which leaves no time to restart".format(Path(market).name, len(window))
            )
        self.published = [update.published for update in window]
        self._lines = [_encode_line(clk, pt, changes) for clk, (pt, changes) in enumerate(window, 1)]
        self._images = []
        for position, update in enumerate(window):
            if position % IMAGE_INTERVAL == 0:
                self._images.append(json.dumps(markets.image()))
            markets.apply(update.changes)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(POLL_SECONDS)
        self.port: int = self._listener.getsockname()[1]

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()

    @property
    def amount(self) -> int:
        """Number of updates."""
        return len(self._lines)

    @property
    def image_bytes(self) -> int:
        """Size of the largest image."""
        return max(map(len, self._images))

    def image(self, position: int) -> bytes:
        """Return the message that answers a subscription at a position: all markets after that many updates."""
        image_index = min(position // IMAGE_INTERVAL, len(self._images) - 1)
        markets = Markets()
        markets.apply(json.loads(self._images[image_index]))
        for line in self._lines[image_index * IMAGE_INTERVAL : position]:
            markets.apply(json.loads(line)["mc"])
        return _encode_line(position, self.published[max(0, position - 1)], markets.image(), ct="SUB_IMAGE")

    def serve(self, trader: Popen[bytes]) -> None:
        """Serve one connection after another until a trader has received everything. Raises RuntimeError if the
        trader exits early.
        """
        while True:
            connection = self._accept(trader)
            with connection, connection.makefile("rb") as requests:
                try:
                    request = requests.readline()
                    if not request:
                        continue
                    position = json.loads(request)["clk"]
                    connection.sendall(self.image(position))
                    for first in range(position, self.amount, UPDATES_PER_SEND):
                        connection.sendall(b"".join(self._lines[first : first + UPDATES_PER_SEND]))
                    connection.sendall(END)
                    if requests.readline() == DONE:
                        return
                except (ConnectionError, socket.timeout):
                    continue  # it restarts: its next process comes and says how far it got

    def _accept(self, trader: Popen[bytes]) -> socket.socket:
        while True:
            try:
                connection, _ = self._listener.accept()
            except socket.timeout:
                if trader.poll():
                    raise RuntimeError("the trader ended with code {}".format(trader.returncode)) from None
                continue
            connection.settimeout(None)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection


def _read_updates(market: str) -> Iterable[Update]:
    with open(market, encoding="utf-8") as lines:
        for line in lines:
            message = json.loads(line)
            if message.get("mc"):
                yield Update(message["pt"], message["mc"])


def _encode_line(clk: int, published: int, changes: List[Dict[str, Any]], ct: Optional[str] = None) -> bytes:
    change_type = {"ct": ct} if ct else {}
    return (
        json.dumps({"op": "mcm", "id": STREAM, **change_type, "clk": str(clk), "pt": published, "mc": changes}).encode()
        + b"\n"
    )


STREAM = 2
"""Id of the subscription. 0 would be that of a historical stream."""
