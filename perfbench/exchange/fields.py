"""What a subscription shows of a market: fields, and levels of best offers derived from the full depth.

Names and meaning are those of Betfair's Exchange Stream API. Best offers are levels: ``[level, price, size]``, level 0 the best,
and a level of size 0 is gone. A file that has them, as recorded, gives its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from perfbench.exchange.requests import MarketDataFilter, Refused

KEYS: Mapping[str, tuple[str, ...]] = {
    "EX_BEST_OFFERS_DISP": ("bdatb", "bdatl"),
    "EX_BEST_OFFERS": ("batb", "batl"),
    "EX_ALL_OFFERS": ("atb", "atl"),
    "EX_TRADED": ("trd",),
    "EX_TRADED_VOL": ("tv",),
    "EX_LTP": ("ltp",),
    "EX_MARKET_DEF": ("marketDefinition",),
    "SP_TRADED": ("spb", "spl"),
    "SP_PROJECTED": ("spn", "spf"),
}
LEVELLED = frozenset({"batb", "batl", "bdatb", "bdatl"})
DERIVED = {"batb": ("atb", True), "batl": ("atl", False)}
"""Best offers, the full ladder that they come from, and whether a higher price is better."""

NAMES = ("id", "hc")
LEVELS = (1, 10)
DEFAULT_LEVELS = 3

Change = dict[str, Any]
"""A change of one market, or of one runner, as JSON has it."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The keys of the JSON that a subscription shows, and the number of levels of best offers."""

    keys: frozenset[str]
    levels: int

    @property
    def derives(self) -> tuple[str, ...]:
        """The best offers that are asked for."""
        return tuple(name for name in DERIVED if name in self.keys)


def asked(said: MarketDataFilter | None) -> Fields:
    """The fields that a data filter stands for: all without one. Raises Refused for one that does not exist."""
    said = said or MarketDataFilter()
    unknown = [name for name in said.fields or () if name not in KEYS]
    if unknown:
        raise Refused("INVALID_INPUT", f"marketDataFilter.fields: there is no {unknown[0]}")
    least, most = LEVELS
    levels = said.ladder_levels
    if levels is not None and not least <= levels <= most:
        raise Refused("INVALID_INPUT", f"marketDataFilter.ladderLevels: {levels} is not {least} to {most}")
    names = said.fields or tuple(KEYS)
    return Fields(frozenset(key for name in names for key in KEYS[name]), levels or DEFAULT_LEVELS)


class Reduction:
    """Takes the changes of all markets in their order, and gives what is left of each for these fields."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._depths: dict[tuple[str, int, float], _Depth] = {}

    def reduce(self, change: Change) -> Change | None:
        """A change with nothing but these fields; None if nothing is left of it."""
        market = change["id"]
        if change.get("img"):
            self._forget(market)
        kept: Change = {
            key: change[key] for key in ("marketDefinition", "tv") if key in change and key in self._fields.keys
        }
        runners = [reduced for runner in change.get("rc") or () if (reduced := self._runner(market, runner))]
        if runners:
            kept["rc"] = runners
        if not kept and not change.get("img"):
            return None
        flags = {key: True for key in ("img", "con") if change.get(key)}
        return {"id": market, **flags, **kept}

    def _runner(self, market: str, runner: Change) -> Change | None:
        names = {key: runner[key] for key in NAMES if key in runner}
        kept = {key: self._within(key, value) for key, value in runner.items() if key in self._fields.keys}
        kept = {key: value for key, value in kept.items() if value or key not in LEVELLED}
        if self._fields.derives:
            place = market, runner["id"], runner.get("hc", 0)
            depth = self._depths.setdefault(place, _Depth(self._fields))
            kept.update(depth.changed(runner))
        return {**names, **kept} if kept else None

    def _within(self, key: str, value: Any) -> Any:
        return [entry for entry in value if entry[0] < self._fields.levels] if key in LEVELLED and value else value

    def _forget(self, market: str) -> None:
        for place in [place for place in self._depths if place[0] == market]:
            del self._depths[place]


class _Depth:
    """The full ladders of one runner, and the best of them as they were last told."""

    def __init__(self, fields: Fields) -> None:
        self._levels = fields.levels
        self._ladders: dict[str, dict[float, float]] = {name: {} for name in fields.derives}
        self._told: dict[str, list[tuple[float, float]]] = {name: [] for name in fields.derives}

    def changed(self, runner: Change) -> dict[str, list[list[float]]]:
        """The levels that a change of the full ladders changes."""
        found = {}
        for name, ladder in self._ladders.items():
            full, highest = DERIVED[name]
            entries = runner.get(full)
            if not entries:
                continue
            for price, size in entries:
                if size:
                    ladder[price] = size
                else:
                    ladder.pop(price, None)
            best = sorted(ladder.items(), reverse=highest)[: self._levels]
            if levels := list(_differing(self._told[name], best)):
                found[name] = levels
            self._told[name] = best
        return found


def _differing(before: list[tuple[float, float]], after: list[tuple[float, float]]) -> list[list[float]]:
    changed: list[list[float]] = [
        [level, *offer] for level, offer in enumerate(after) if level >= len(before) or before[level] != offer
    ]
    return changed + [[level, 0, 0] for level in range(len(after), len(before))]
