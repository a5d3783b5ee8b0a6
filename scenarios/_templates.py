"""Shortened markets, to be sent repeatedly under other ids: the image as on a subscription, updates from the middle of the
market's life, and its close. Times inside a market definition are unchanged.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Tuple

from _prices import changes

from perfbench import NotAvailable

HOUR = 3_600_000
"""Maximum duration of a market, in milliseconds."""

FEWEST = 3
"""Minimum number of updates: an image, a change, a close."""

PAUSE = 1000
"""Milliseconds between the last change and the close."""

Change = Dict[str, Any]
Changes = Callable[[], Iterable[Tuple[int, Change]]]
"""Gives the changes of a stream file with their times (ms since 1970), again at each call."""


class Template(NamedTuple):
    """A market without its id: its changes as JSON, each with the milliseconds since the first one.

    ``unsettled`` replaces the last one if the market is suspended and never closed.
    """

    changes: List[Tuple[int, str]]
    unsettled: str


def of_file(market: str, updates: int) -> List[Template]:
    """The markets of a stream file. Raises NotAvailable if it defines none."""
    result = templates(lambda: changes(market), updates)
    if not result:
        raise NotAvailable("{} has no marketDefinition: choose another file".format(Path(market).name))
    return result


def of_generator(seeds: int, updates: int) -> List[Template]:
    """Generated markets, one for each seed from 1 on. Raises NotAvailable before Python 3.10, which the generator needs."""
    if sys.version_info < (3, 10):
        raise NotAvailable("the generator of markets needs Python 3.10 or newer: use --set source=market")
    from perfbench.datasets.generator.market import stream_lines  # noqa: PLC0415 - see above
    from perfbench.datasets.generator.recipe import Recipe  # noqa: PLC0415 - see above

    result: List[Template] = []
    for seed in range(1, seeds + 1):
        recipe = Recipe(seed=seed, runners=12, updates=40 * updates, bsp=True, in_play=True, removal=True)
        messages = [json.loads(line) for line in stream_lines(recipe)]
        generated = [(message["pt"], change) for message in messages for change in message["mc"]]
        result += templates(lambda generated=generated: generated, updates)
    return result


def templates(source: Changes, updates: int) -> List[Template]:
    """The markets of these changes that have a definition, with at most ``updates`` updates each, at least 3."""
    lengths = Counter(change["id"] for _, change in source())
    markets = {name: _Market(length, updates) for name, length in lengths.items()}
    for published, change in source():
        markets[change["id"]].add(published, change)
    return [market.template() for market in markets.values() if market.definition]


class _Market:
    """The image before the middle of a market's life, the changes there, and the last definition."""

    def __init__(self, length: int, updates: int) -> None:
        self.definition: Change = {}
        self._kept = updates - 2
        self._before = max(1, (length - self._kept) // 2)
        self._image: Change = {}
        self._runners: Dict[Tuple[int, float], Change] = {}
        self._began = 0
        self._middle: List[Tuple[int, Change]] = []

    def add(self, published: int, change: Change) -> None:
        self.definition = change.get("marketDefinition") or self.definition
        if self._before:
            self._before -= 1
            self._fold(published, change)
        elif len(self._middle) < self._kept:
            self._middle.append((published, change))

    def _fold(self, published: int, change: Change) -> None:
        self._began = published
        if change.get("img"):
            self._image, self._runners = {}, {}
        self._image.update((name, value) for name, value in change.items() if name != "rc")
        for runner in change.get("rc", ()):
            state = self._runners.setdefault((runner["id"], runner.get("hc", 0)), {})
            for name, value in runner.items():
                if isinstance(value, list):
                    _fold_ladder(state.setdefault(name, {}), value)
                else:
                    state[name] = value

    def template(self) -> Template:
        runners = [
            {name: list(value.values()) if isinstance(value, dict) else value for name, value in runner.items()}
            for runner in self._runners.values()
        ]
        sent = [(self._began, {**self._image, "rc": runners, "img": True}), *self._middle]
        closed, unsettled = ({"marketDefinition": {**self.definition, "status": s}} for s in ("CLOSED", "SUSPENDED"))
        sent.append((max(published for published, _ in sent) + PAUSE, closed))
        offsets = _at_most_an_hour([published for published, _ in sent])
        return Template(
            [(offset, _text(change)) for offset, (_, change) in zip(offsets, sent)],  # noqa: B905 - strict= is of 3.10
            _text(unsettled),
        )


def _fold_ladder(ladder: Dict[float, List[float]], entries: List[List[float]]) -> None:
    """Entries are ``[price, size]`` or ``[level, price, size]``; size 0 removes one."""
    for entry in entries:
        if entry[-1]:
            ladder[entry[0]] = entry
        else:
            ladder.pop(entry[0], None)


def _text(change: Change) -> str:
    """The change as JSON without its id, which is prepended later."""
    named = {name: value for name, value in change.items() if name != "id"}
    return json.dumps({"img": False, **named}, separators=(",", ":"))[1:]


def _at_most_an_hour(times: List[int]) -> List[int]:
    """Milliseconds since the first of these times, never decreasing; a market of more than an hour is compressed."""
    latest, offsets = 0, []
    for time in times:
        latest = max(latest, time - times[0])
        offsets.append(latest)
    pace = min(1.0, HOUR / latest)
    return [int(offset * pace) for offset in offsets]
