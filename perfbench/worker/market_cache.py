"""Market cache: an image of a market, kept up to date by changes.

Names follow Betfair's Exchange Stream API. Best offers are levels ``[level, price, size]``; level 0 is the best, and
a level of size 0 is empty.
"""

from __future__ import annotations

from typing import Any, Dict

RUNNER_ID_KEYS = ("id", "hc")

MarketChange = Dict[str, Any]
"""Change of one market or one runner, as decoded from JSON."""

PRICE_LADDERS = frozenset({"trd", "atb", "atl", "spb", "spl"})
LEVEL_LADDERS = frozenset({"batb", "batl", "bdatb", "bdatl"})
LADDERS = PRICE_LADDERS | LEVEL_LADDERS
"""Lists of entries that start with their key (price or level) and end with their size."""


class MarketCache:
    """Accumulated changes of one market.

    With ``is_image``, entries of size 0 are dropped. Otherwise the client already has an older state of the market,
    and removals must stay visible. An empty list of traded volume clears a ladder whatever its prices; from then on
    the difference to the older state is unknown, and ``can_diff`` is False. ``market_values`` are the values that do
    not belong to a runner.
    """

    def __init__(self, market_id: str, *, is_image: bool) -> None:
        self._market_id = market_id
        self._is_image = is_image
        self.market_values: MarketChange = {}
        self._runners: dict[tuple[int, float], MarketChange] = {}
        self.can_diff = True

    def apply_change(self, change: MarketChange) -> None:
        """Apply a change that follows all earlier ones."""
        if change.get("img"):
            self._is_image, self.can_diff = True, True
            self.market_values, self._runners = {}, {}
        self.market_values.update((key, change[key]) for key in ("marketDefinition", "tv") if key in change)
        for runner in change.get("rc") or ():
            runner_key = runner["id"], runner.get("hc", 0)
            cached = self._runners.setdefault(runner_key, {key: runner[key] for key in RUNNER_ID_KEYS if key in runner})
            for key, value in runner.items():
                if key in LADDERS:
                    self._merge(cached, key, value)
                elif key not in RUNNER_ID_KEYS:
                    cached[key] = value

    def get_runner(self, runner_key: tuple[int, float]) -> MarketChange:
        """Return a runner's ladders, keyed by price or level, and its single values."""
        return self._runners.get(runner_key, {})

    def _merge(self, cached: MarketChange, key: str, entries: list[list[float]]) -> None:
        if key == "trd" and not entries:
            cached[key] = {}
            self.can_diff = self._is_image
            return
        ladder = cached.setdefault(key, {})
        for entry in entries or ():
            if entry[-1] or not self._is_image:
                ladder[entry[0]] = entry
            else:
                ladder.pop(entry[0], None)

    def to_change(self, *, conflated: bool = False) -> MarketChange:
        """Return all changes merged into one."""
        flags: dict[str, Any] = {"img": True} if self._is_image else {}
        if conflated:
            flags["con"] = True
        runners = [_list_ladders(runner) for runner in self._runners.values()]
        return {"id": self._market_id, **flags, **self.market_values, **({"rc": runners} if runners else {})}


def _list_ladders(runner: MarketChange) -> MarketChange:
    values = {key: list(value.values()) if isinstance(value, dict) else value for key, value in runner.items()}
    return {key: value for key, value in values.items() if value != [] or key not in LADDERS}
