"""The untimed check pass: every item of a mode's output made canonical and digested.

The digest of an item is taken over its canonical form as JSON with sorted keys, so two modes agree exactly when every field
of every item does. Most of a market book does not change from one update to the next: ``part`` lets a scenario say so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any, Callable, Dict, List, Optional, Tuple

from perfbench.worker.api import Work
from perfbench.worker.loading import ScenarioError
from perfbench.worker.measuring import as_work
from perfbench.worker.protocol import Digested, Item

BLOCK = 1024
"""Updates in a block: small enough to be shown in full, large enough that a long file has few."""

AUDIT = 32
"""Every so many updates the remembered parts are made again, to catch objects that were changed in place."""

Canonical = Callable[..., Any]


class ChangedInPlace(Exception):
    """An object that was digested before has other content now: identity says nothing about this library's objects."""


class Parts:
    """Digests of parts of an item, kept as long as the very same object comes again in the next item."""

    def __init__(self, trust_identity: bool) -> None:
        self._trust = trust_identity
        self._before: Dict[int, Tuple[Any, str]] = {}
        self._now: Dict[int, Tuple[Any, str]] = {}
        self._items = 0

    def next_item(self) -> None:
        """Forget the parts that the last item did not have."""
        self._before, self._now = self._now, {}
        self._items += 1

    def __call__(self, thing: Any, fields: Callable[[Any], Any]) -> str:
        """The digest of ``fields(thing)``. Raises ChangedInPlace at an audit."""
        known = self._before.get(id(thing)) if self._trust else None
        if known is not None and self._items % AUDIT:
            self._now[id(thing)] = known
            return known[1]
        text = hashlib.blake2b(as_json(fields(thing)), digest_size=16).hexdigest()
        if known is not None and known[1] != text:
            raise ChangedInPlace
        self._now[id(thing)] = (thing, text)
        return text


def in_full(thing: Any, fields: Callable[[Any], Any]) -> Any:
    """What ``part`` is when an item is to be shown and not digested."""
    return fields(thing)


def as_json(value: Any) -> bytes:
    """Canonical text: sorted keys, no spaces, the shortest form of every float."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=repr).encode()


def plain(item: Any, part: Any) -> Any:  # noqa: ARG001
    """The canonical form of an item of a scenario that has no ``@canonical``: the item."""
    return item


def digest(call: Callable[[], Any], canonical: Optional[Canonical]) -> Digested:
    """Run the mode to its end and digest its output; a mode without output gives the digest of its work."""
    try:
        return _digest(_output(call()), canonical or plain, Parts(trust_identity=True))
    except ChangedInPlace:
        return _digest(_output(call()), canonical or plain, Parts(trust_identity=False))


def _output(outcome: Any) -> Any:
    """The iterator that a mode is or that its Work carries; else the outcome as it is."""
    return _whole(outcome) if isinstance(outcome, Work) and outcome.output is not None else outcome


def _whole(work: Work) -> Iterator[Any]:
    count = 0
    for item in work.output or ():
        yield item
        count += 1
    if count != work.amount:
        raise ScenarioError("a mode's output had {} items for {} units of work".format(count, work.amount))


def _digest(outcome: Any, canonical: Canonical, parts: Parts) -> Digested:
    whole = hashlib.blake2b(digest_size=16)
    blocks: List[str] = []
    block = hashlib.blake2b(digest_size=16)
    count = 0
    if isinstance(outcome, Iterator):
        for item in outcome:
            text = as_json(canonical(item, parts))
            parts.next_item()
            whole.update(text + b"\n")
            block.update(text + b"\n")
            count += 1
            if count % BLOCK == 0:
                blocks.append(block.hexdigest())
                block = hashlib.blake2b(digest_size=16)
        if count % BLOCK:
            blocks.append(block.hexdigest())
    else:
        work: Work = as_work(outcome)
        count = work.amount
        whole.update(str(count).encode())
    return Digested(digest=whole.hexdigest(), updates=count, block_size=BLOCK, blocks=blocks, packages=[])


def items(call: Callable[[], Any], canonical: Optional[Canonical], first: int, last: int) -> Iterator[Item]:
    """The items ``first`` to ``last`` (from 0, both included) of the mode's output, in full."""
    outcome = _output(call())
    if not isinstance(outcome, Iterator):
        return
    for number, item in enumerate(outcome):
        if number > last:
            return
        if number >= first:
            yield Item(number, json.loads(as_json((canonical or plain)(item, in_full))))
