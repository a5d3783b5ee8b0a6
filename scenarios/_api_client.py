"""betfairlightweight clients of the local exchange's API.

betfairlightweight is unmodified apart from the host it connects to. The CA bundle is that of ``requests`` plus the
exchange's certificate, since a new connection spends most of its time reading a bundle of that size.
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
"""Market time stands still a minute before the announced start, so that every call sees the same state."""

CA_BUNDLE_VARIABLE = "REQUESTS_CA_BUNDLE"


class Api:
    """API of an exchange. ``rtt_ms``: measured round-trip time in milliseconds; ``markets``: market ids."""

    def __init__(self, process: ExchangeProcess) -> None:
        self._process = process
        server_info = process.announcement
        self.markets: Sequence[str] = server_info["markets"]
        self.rtt_ms: float = server_info["rtt_ms"]
        self.url = "https://127.0.0.1:{}/exchange/".format(server_info["api_port"])
        self.bundle = os.path.join(process.folder, "bundle.pem")
        shutil.copy(requests.certs.where(), self.bundle)
        with open(server_info["authority"]) as authority, open(self.bundle, "a") as bundle:
            bundle.write("\n" + authority.read())
        os.environ[CA_BUNDLE_VARIABLE] = self.bundle
        BaseClient.API_URLS["perfbench"] = self.url

    def client(self, session: Optional[Any] = None) -> Any:
        """Return a logged-in client; without a session it opens a connection for every call, as by default."""
        client = betfairlightweight.APIClient(
            "perfbench", "perfbench", "perfbench", lightweight=True, locale="perfbench", session=session
        )
        client.session_token = "any"  # noqa: S105 - not checked
        return client

    def close(self) -> Dict[str, Any]:
        """Stop the exchange and return its counts of calls and faults."""
        api_report: Dict[str, Any] = self._process.close()["api"]
        return api_report


def open_api(*options: str) -> Iterator[Api]:
    """Start an exchange with these options and yield its API."""
    previous_bundle = os.environ.get(CA_BUNDLE_VARIABLE)
    with exchange_process(*STILL, *options) as process:
        try:
            yield Api(process)
        finally:
            os.environ.pop(CA_BUNDLE_VARIABLE, None)
            if previous_bundle is not None:
                os.environ[CA_BUNDLE_VARIABLE] = previous_bundle


def distance(rtt_ms: float) -> Sequence[str]:
    """Return the options for a round-trip time in milliseconds; none for 0."""
    return ("--rtt", "{}ms".format(rtt_ms)) if rtt_ms else ()
