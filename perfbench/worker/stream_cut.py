"""Cut stream files to their last part before and after the scheduled off: everything before becomes one image of the market."""

from __future__ import annotations

import json
import operator
from calendar import timegm
from time import strptime
from typing import Any, Dict, Iterable, Iterator, Optional, Set

from perfbench.worker.market_cache import MarketCache


def cut_stream(lines: Iterable[bytes], seconds: float) -> Iterator[bytes]:
    """The lines of a stream file from ``seconds`` before the scheduled off of each market on.

    The first line of a market is an image of all its changes so far, published when the first change that is kept was. A market
    without a scheduled off, and one that is closed before, begins with its first or its last definition. Heartbeats are left out.

    Raises ValueError, KeyError or TypeError for lines that are no stream messages.
    """
    caches: Dict[str, MarketCache] = {}
    begun: Set[str] = set()
    for line in lines:
        message = json.loads(line)
        changes = message.get("mc") or ()
        kept = [
            change for change in (_keep(change, message["pt"], seconds, caches, begun) for change in changes) if change
        ]
        if not kept:
            continue
        if len(kept) == len(changes) and all(map(operator.is_, kept, changes)):
            yield line if line.endswith(b"\n") else line + b"\n"
        else:
            yield json.dumps(dict(message, mc=kept), separators=(",", ":")).encode() + b"\n"


def _keep(
    change: Dict[str, Any], published: int, seconds: float, caches: Dict[str, MarketCache], begun: Set[str]
) -> Optional[Dict[str, Any]]:
    """The change itself once its market has begun, an image where it begins, None before."""
    market = change["id"]
    if market in begun:
        return change
    cache = caches.setdefault(market, MarketCache(market, is_image=True))
    cache.apply_change(change)
    definition = cache.market_values.get("marketDefinition")
    if definition is None or not _has_begun(definition, published, seconds):
        return None
    begun.add(market)
    del caches[market]
    return cache.to_change()


def _has_begun(definition: Dict[str, Any], published: int, seconds: float) -> bool:
    off = definition.get("marketTime")
    if off is None or definition.get("status") == "CLOSED":
        return True
    return timegm(strptime(off[:19], "%Y-%m-%dT%H:%M:%S")) - published / 1000 <= seconds
