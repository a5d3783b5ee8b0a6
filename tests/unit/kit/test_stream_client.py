"""``Taken``: what a stream client of a scenario remembers of its books."""

from __future__ import annotations

from typing import Any

from perfbench.kit.stream_client import Taken


def book(market: str, *volumes: float | None) -> dict[str, Any]:
    """A lightweight book with the traded volume of each runner."""
    runners: list[dict[str, Any]] = [
        {"totalMatched": volume, "lastPriceTraded": 2.0, "ex": {"availableToBack": [], "availableToLay": []}}
        for volume in volumes
    ]
    return {"marketId": market, "status": "OPEN", "totalMatched": 0.0, "runners": runners, "streaming_update": {}}


def test_volume_is_the_largest_that_was_known_because_a_closed_market_has_none() -> None:
    taken = Taken()
    for volumes in ((None, None), (2.0, 4.0), (2.5, 4.0), (0.0, 0.0)):
        taken.put([book("1.1", *volumes)])
    assert taken.volume() == 6.5


def test_volumes_of_two_markets_are_added() -> None:
    taken = Taken()
    taken.put([book("1.1", 2.0), book("1.2", 3.0)])
    taken.put([book("1.1", 5.0)])
    taken.put([book("1.1", 0.0), book("1.2", 0.0)])
    assert taken.volume() == 8.0
