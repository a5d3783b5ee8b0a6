"""Clients of betfairlightweight that call the API of perfbench's exchange as they call the real one.

Nothing of betfairlightweight is changed but where it connects to. They trust whom ``requests`` trusts and the exchange: a bundle of
the size that a bot has, for a new connection spends most of its time on reading it.
"""

from __future__ import annotations

import os
import shutil
from typing import Any, Dict, Iterator, Optional, Sequence

import betfairlightweight
import requests
from _exchange_process import ExchangeProcess, exchange_process
from betfairlightweight.baseclient import BaseClient

STILL = ("--wait-for", "1000000", "--from", "-60s")
"""Market time stands still, a minute before the announced start: every call sees the same."""

BUNDLE = "REQUESTS_CA_BUNDLE"


class Api:
    """The API of an exchange. ``rtt_ms``: milliseconds of a round trip, measured by the exchange; ``markets``: their ids."""

    def __init__(self, process: ExchangeProcess) -> None:
        self._process = process
        said = process.said
        self.markets: Sequence[str] = said["markets"]
        self.rtt_ms: float = said["rtt_ms"]
        self.url = "https://127.0.0.1:{}/exchange/".format(said["api_port"])
        self.bundle = os.path.join(process.folder, "bundle.pem")
        shutil.copy(requests.certs.where(), self.bundle)
        with open(said["authority"]) as authority, open(self.bundle, "a") as bundle:
            bundle.write("\n" + authority.read())
        os.environ[BUNDLE] = self.bundle
        BaseClient.API_URLS["perfbench"] = self.url

    def client(self, session: Optional[Any] = None) -> Any:
        """A client that has logged in; without a session it makes a connection for every call, as it comes."""
        client = betfairlightweight.APIClient(
            "perfbench", "perfbench", "perfbench", lightweight=True, locale="perfbench", session=session
        )
        client.session_token = "any"  # noqa: S105 - nobody asks for it
        return client

    def close(self) -> Dict[str, Any]:
        """End the exchange; how often what was called, and what failed."""
        done: Dict[str, Any] = self._process.close()["api"]
        return done


def open_api(*options: str) -> Iterator[Api]:
    """The API of an exchange of its own, with these options of ``perfbench exchange``."""
    before = os.environ.get(BUNDLE)
    with exchange_process(*STILL, *options) as process:
        try:
            yield Api(process)
        finally:
            os.environ.pop(BUNDLE, None)
            if before is not None:
                os.environ[BUNDLE] = before


def distance(rtt_ms: float) -> Sequence[str]:
    """The options for so many milliseconds there and back; none for nothing."""
    return ("--rtt", "{}ms".format(rtt_ms)) if rtt_ms else ()
