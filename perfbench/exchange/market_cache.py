"""What a subscription shows of a market: fields, and levels of best offers derived from the full depth.

Names and meaning are those of Betfair's Exchange Stream API. Best offers are levels: ``[level, price, size]``, level 0 the best,
and a level of size 0 is gone. A file that has them, as recorded, gives its own.
"""

from __future__ import annotations

from typing import Any

RUNNER_ID_KEYS = ("id", "hc")

MarketChange = dict[str, Any]
"""A change of one market, or of one runner, as JSON has it."""

PRICE_LADDERS = frozenset({"trd", "atb", "atl", "spb", "spl"})
LEVEL_LADDERS = frozenset({"batb", "batl", "bdatb", "bdatl"})
LADDERS = PRICE_LADDERS | LEVEL_LADDERS
"""Lists of entries that each have their own key in front, price or level, and their size at the end."""


class MarketCache:
    """The changes of one market.

    An image has no entry of size 0, which means that it is gone; where it is not ``whole`` the client has the market as it was, and
    must be told what is gone. An empty list of traded volume clears the ladder, of whatever prices: after one of those, what is
    different can no longer be told, and ``tellable`` is false. ``parts`` is what is known beside the runners.
    """

    def __init__(self, market: str, *, whole: bool) -> None:
        self._market = market
        self._whole = whole
        self.parts: MarketChange = {}
        self._runners: dict[tuple[int, float], MarketChange] = {}
        self.tellable = True

    def apply(self, change: MarketChange) -> None:
        """Add a change, later than all before."""
        if change.get("img"):
            self._whole, self.tellable = True, True
            self.parts, self._runners = {}, {}
        self.parts.update((key, change[key]) for key in ("marketDefinition", "tv") if key in change)
        for runner in change.get("rc") or ():
            place = runner["id"], runner.get("hc", 0)
            known = self._runners.setdefault(place, {key: runner[key] for key in RUNNER_ID_KEYS if key in runner})
            for key, value in runner.items():
                if key in LADDERS:
                    self._merge(known, key, value)
                elif key not in RUNNER_ID_KEYS:
                    known[key] = value

    def runner(self, place: tuple[int, float]) -> MarketChange:
        """What is known of a runner by its id and handicap: entries of its ladders by price or level, single values."""
        return self._runners.get(place, {})

    def _merge(self, known: MarketChange, key: str, entries: list[list[float]]) -> None:
        if key == "trd" and not entries:
            known[key] = {}
            self.tellable = self._whole
            return
        ladder = known.setdefault(key, {})
        for entry in entries or ():
            if entry[-1] or not self._whole:
                ladder[entry[0]] = entry
            else:
                ladder.pop(entry[0], None)

    def change(self, *, conflated: bool = False) -> MarketChange:
        """All of them as one change."""
        flags: dict[str, Any] = {"img": True} if self._whole else {}
        if conflated:
            flags["con"] = True
        runners = [_list_ladders(runner) for runner in self._runners.values()]
        return {"id": self._market, **flags, **self.parts, **({"rc": runners} if runners else {})}


def _list_ladders(runner: MarketChange) -> MarketChange:
    told = {key: list(value.values()) if isinstance(value, dict) else value for key, value in runner.items()}
    return {key: value for key, value in told.items() if value != [] or key not in LADDERS}
