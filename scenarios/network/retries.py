"""What do retries save of calls that fail, and what do they place twice?

Every pass places ``orders`` orders, one call each, at an exchange of which a share of calls fails (``faults``), in the ways of
``kinds``: ``lost`` and ``half`` are connections that end after the order was placed, ``reset`` before. ``failed`` are calls that
ended in an error, ``placed_twice`` orders that are there more than once, ``unnoticed`` those that are there although theirs failed.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, Dict, Iterator, Optional

import requests
from betfairlightweight import filters
from betfairlightweight.exceptions import BetfairError
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from perfbench import Claim, Metric, Work, mode, setup
from perfbench.kit.exchange import Api, open_api

UNIT = "calls"
METRIC = "wall_seconds"
METRICS = {
    "failed": Metric("calls"),
    "placed_twice": Metric("orders"),
    "unnoticed": Metric("orders"),
}
QUICK = {"orders": 20, "faults": "30%"}
NOTES, OURS = "community notes", "perfbench"
CLAIMS = [
    Claim(
        "no_retry",
        "advised_retry",
        1.0,
        NOTES,
        "failed",
        "mount an HTTPAdapter with urllib3's Retry",
        "post_with_reference",
    ),
    Claim("post_allowed", "post_with_reference", 1.0, OURS, "placed_twice", "give every order a customerRef"),
]
STATUSES = [429, 500, 502, 503, 504]


@setup
def api(market: str, *, faults: str = "10%", kinds: str = "429,503,reset,lost", seed: int = 7) -> Iterator[Api]:
    """API of an exchange where a share of the calls fails; the same seed gives the same faults."""
    options = [option for kind in kinds.split(",") for option in ("--fault", kind)]
    yield from open_api("--data", market, "--funds", "1000000", "--faults", faults, "--seed", str(seed), *options)


def retrying(**options: Any) -> requests.Session:
    """The advised session: three retries after 0.1 s and more, pools, and keep-alive, on http and https."""
    session = requests.Session()
    adapter = HTTPAdapter(
        max_retries=Retry(total=3, backoff_factor=0.1, status_forcelist=STATUSES, **options),
        pool_connections=10,
        pool_maxsize=20,
    )
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    session.headers.update({"Connection": "keep-alive"})
    return session


def post_too() -> Dict[str, Any]:
    """Retry arguments for POST only, under the name that this urllib3 uses."""
    name = "allowed_methods" if hasattr(Retry, "DEFAULT_ALLOWED_METHODS") else "method_whitelist"
    return {name: frozenset({"POST"}), "respect_retry_after_header": False}


def placed(api: Api, orders: int, session: requests.Session, referenced: bool = False) -> Work:
    """Place the orders and count which of them exist."""
    with session:
        betting = api.client(session).betting
        runner = _call_until_success(lambda: betting.list_market_book(api.markets[:1]))[0]["runners"][0]["selectionId"]
        start = time.perf_counter()
        results = [place(betting, api.markets[0], runner, number, referenced) for number in range(orders)]
        seconds = time.perf_counter() - start
    betting = api.client().betting
    order_counts = Counter(order["customerOrderRef"] for order in _list_current_orders(betting))
    failed = [str(number) for number, success in enumerate(results) if not success]
    return Work(
        orders,
        seconds,
        failed=len(failed),
        placed_twice=sum(amount > 1 for amount in order_counts.values()),
        unnoticed=sum(order_counts[reference] > 0 for reference in failed),
    )


def place(betting: Any, market: str, runner: int, number: int, referenced: bool) -> bool:
    """Place an order; return whether it exists, as far as this client knows.

    A duplicate says that the exchange knows the reference, not what became of the first request, so that the client asks.
    """
    instruction = filters.place_instruction(
        "LIMIT",
        runner,
        "BACK",
        limit_order=filters.limit_order(price=1000.0, size=2.0, persistence_type="LAPSE"),
        customer_order_ref=str(number),
    )
    reference: Optional[str] = "order-{}".format(number) if referenced else None
    try:
        report = betting.place_orders(market, [instruction], customer_ref=reference)
    except BetfairError:
        return False
    if report.get("errorCode") == "DUPLICATE_TRANSACTION":
        return any(_list_current_orders(betting, customer_order_refs=[str(number)]))
    succeeded: bool = report["status"] == "SUCCESS"
    return succeeded


def _call_until_success(call: Any) -> Any:
    while True:
        try:
            return call()
        except BetfairError:
            continue


def _list_current_orders(betting: Any, **chosen: Any) -> Iterator[Any]:
    """Yield all current orders, or these."""
    first, has_more = 0, True
    while has_more:
        page = _call_until_success(lambda first=first: betting.list_current_orders(from_record=first, **chosen))
        yield from page["currentOrders"]
        first, has_more = first + len(page["currentOrders"]), page["moreAvailable"]


@mode(baseline=True)
def no_retry(api: Api, *, orders: int = 200) -> Work:
    """A session as it comes: what fails has failed."""
    return placed(api, orders, requests.Session())


@mode
def advised_retry(api: Api, *, orders: int = 200) -> Work:
    """As advised: Retry(total=3, backoff_factor=0.1) for 429 and 5xx. It never repeats a POST, and every call of the API is one."""
    return placed(api, orders, retrying())


@mode
def post_allowed(api: Api, *, orders: int = 200) -> Work:
    """The same for POST: an order whose answer was lost is placed again."""
    return placed(api, orders, retrying(**post_too()))


@mode
def post_with_reference(api: Api, *, orders: int = 200) -> Work:
    """The same with a customerRef for every order: the exchange takes it once, and the client asks for what is a duplicate."""
    return placed(api, orders, retrying(**post_too()), referenced=True)
