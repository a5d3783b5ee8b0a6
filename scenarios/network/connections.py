"""What does a call of the API cost, and how much of that is the connection?

Every pass calls ``listMarketBook`` for the best offers of one market, one call after the other, over TLS to the exchange of
perfbench, which is ``rtt_ms`` away (``--sweep rtt_ms=0.5,5,20,50``; 0: no distance). Where a connection is kept, the first call
pays for it. Of a call, ``cpu_ms`` is CPU of the client and ``waiting_ms`` the rest: the network and the exchange.
``measured_rtt_ms`` is what the distance came to. A new connection costs twice: ``new_connection`` less ``one_certificate`` is CPU
that reads the bundle of certificates, and ``one_certificate`` less ``session`` are mostly the round trips of TCP and TLS.
"""

from __future__ import annotations

import importlib
import ssl
import time
from typing import Any, Callable, Iterator, List

import requests
from betfairlightweight import filters
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from perfbench import Claim, Metric, Work, mode, setup
from perfbench.kit.exchange import Api, distance, open_api, trusted
from perfbench.kit.pins import HTTPX

UNIT = "calls"
METRIC = "wall_seconds"
METRICS = {
    "call_ms": Metric("ms"),
    "slowest_ms": Metric("ms"),
    "cpu_ms": Metric("ms"),
    "waiting_ms": Metric("ms"),
    "measured_rtt_ms": Metric("ms", better="neither"),
}
QUICK = {"calls": 4, "rtt_ms": 1.0}
NOTES, OURS = "community notes", "perfbench"
CLAIMS = [
    Claim(
        "new_connection",
        "advised_adapter",
        1.0,
        NOTES,
        "call_ms",
        "keep connections: it saves 10 to 50 ms a call",
        "session",
        saves=(0.010, 0.050),
    ),
    Claim("new_connection", "advised_adapter", 1.0, OURS, "cpu_ms", "keep connections: it saves CPU", "session"),
]
STATUSES = [429, 500, 502, 503, 504]


@setup
def api(market: str, *, rtt_ms: float = 10.0) -> Iterator[Api]:
    """API of an exchange with this round-trip time."""
    yield from open_api("--data", market, *distance(rtt_ms))


@setup
def best_offers() -> Any:
    """Price projection of every call."""
    return filters.price_projection(price_data=["EX_BEST_OFFERS"])


def called(api: Api, calls: int, call: Callable[[], Any]) -> Work:
    """Make this many calls, one after another."""
    answers: List[Any] = []
    seconds: List[float] = []
    cpu = time.process_time()
    for _ in range(calls):
        start = time.perf_counter()
        answers.append(call())
        seconds.append(time.perf_counter() - start)
    cpu = time.process_time() - cpu
    return Work(
        calls,
        sum(seconds),
        answers,
        call_ms=1e3 * sum(seconds) / calls,
        slowest_ms=1e3 * max(seconds),
        cpu_ms=1e3 * cpu / calls,
        waiting_ms=1e3 * (sum(seconds) - cpu) / calls,
        measured_rtt_ms=api.rtt_ms,
    )


def books(client: Any, api: Api, best_offers: Any) -> Callable[[], Any]:
    """Return a function that makes one call through betfairlightweight."""
    return lambda: client.betting.list_market_book(api.markets[:1], best_offers)


@mode(baseline=True)
def new_connection(api: Api, best_offers: Any, *, calls: int = 30) -> Work:
    """A connection for every call, as betfairlightweight does without a session."""
    return called(api, calls, books(api.client(), api, best_offers))


@mode
def one_certificate(api: Api, best_offers: Any, *, calls: int = 30) -> Work:
    """A connection for every call, but a bundle of one certificate, that of the exchange: the CPU of the others is saved."""
    with trusted(api.authority):
        return called(api, calls, books(api.client(), api, best_offers))


@mode
def session(api: Api, best_offers: Any, *, calls: int = 30) -> Work:
    """A requests.Session, handed to the client: the connection is kept."""
    with requests.Session() as session:
        return called(api, calls, books(api.client(session), api, best_offers))


def pooled_session() -> requests.Session:
    """The advised session: an adapter of 10 pools of 20 connections with three retries, on http and https, and keep-alive."""
    session = requests.Session()
    adapter = HTTPAdapter(
        max_retries=Retry(total=3, backoff_factor=0.1, status_forcelist=STATUSES),
        pool_connections=10,
        pool_maxsize=20,
    )
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    session.headers.update({"Connection": "keep-alive"})
    return session


@mode
def advised_adapter(api: Api, best_offers: Any, *, calls: int = 30) -> Work:
    """As advised: a session with an HTTPAdapter of 10 pools of 20 connections, 3 retries, and keep-alive."""
    with pooled_session() as session:
        return called(api, calls, books(api.client(session), api, best_offers))


class Closing(HTTPAdapter):
    """Asks for the end of the connection after every call."""

    def add_headers(self, request: Any, **_: Any) -> None:
        request.headers["Connection"] = "close"


@mode
def keep_alive_off(api: Api, best_offers: Any, *, calls: int = 30) -> Work:
    """A session that says ``Connection: close``."""
    with requests.Session() as session:
        session.mount("https://", Closing())
        return called(api, calls, books(api.client(session), api, best_offers))


@setup
def httpx_session(api: Api) -> Iterator[Any]:
    """httpx in place of requests."""
    httpx = importlib.import_module("httpx")

    class Session:
        """What betfairlightweight wants of a session."""

        def __init__(self, client: Any) -> None:
            self._client = client

        def post(self, url: str, data: Any, headers: Any, timeout: Any) -> Any:
            connect, read = timeout
            limits = httpx.Timeout(read, connect=connect)
            return self._client.post(url, content=data, headers=headers, timeout=limits)

    with httpx.Client(verify=ssl.create_default_context(cafile=api.bundle)) as client:
        yield Session(client)


@mode(needs=[HTTPX])
def httpx_client(api: Api, best_offers: Any, httpx_session: Any, *, calls: int = 30) -> Work:
    """A client of httpx, which keeps its connection."""
    return called(api, calls, books(api.client(httpx_session), api, best_offers))
