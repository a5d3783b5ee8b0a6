"""Betfair's odds ladder, and the books of one runner as whole ticks and pennies."""

from __future__ import annotations

from random import Random
from typing import Literal

from perfbench.datasets.generator.recipe import Ladder

LADDER_BANDS = ((101, 200, 1), (202, 300, 2), (305, 400, 5), (410, 600, 10), (620, 1000, 20), (1050, 2000, 50))
EXTENDED_BANDS = ((2100, 3000, 100), (3200, 5000, 200), (5500, 10000, 500), (11000, 100000, 1000))

TICKS = tuple(price for first, last, step in (*LADDER_BANDS, *EXTENDED_BANDS) for price in range(first, last + 1, step))
"""Every price that can be offered, in hundredths (docs.developer.betfair.com, "Betfair Price Increments")."""

MAX_DRIFT = 12
"""Maximum distance in ticks of the middle of a book from its anchor."""

LADDER_DEPTH = 10
"""Levels of a ladder of levels."""

Side = Literal["b", "l"]
LadderChange = tuple[int, int]
"""A tick and its current amount in pennies."""


def format_hundredths(hundredths: int) -> str:
    """Hundredths as JSON writes them: ``2``, ``4.8``, ``7.41``."""
    return str(hundredths // 100) if hundredths % 100 == 0 else repr(hundredths / 100)


PRICES = tuple(map(format_hundredths, TICKS))


def find_nearest_tick(price: float) -> int:
    """The index in ``TICKS`` of the price next to this one."""
    return min(range(len(TICKS)), key=lambda tick: abs(TICKS[tick] - price * 100))


class Book:
    """The ladders of one runner. Backs stand at ticks up to ``middle``, lays above it, so a book is never crossed."""

    def __init__(self, selection: int, anchor: int, chance: Random, ladder: Ladder) -> None:
        self.selection = selection
        self.anchor = anchor
        self.middle = anchor
        self.sides: dict[Side, dict[int, int]] = {"b": {}, "l": {}}
        self.traded: dict[int, int] = {}
        self.last_traded = 0
        self._random = chance.random
        self._bits = chance.getrandbits
        self._levels: dict[Side, list[LadderChange]] | None = {"b": [], "l": []} if ladder == "levels" else None

    def opening(self) -> str:
        """The outermost prices of every book, and the first offers near the middle."""
        changes: dict[Side, list[LadderChange]] = {"b": [(0, 200)], "l": [(len(TICKS) - 1, 200)]}
        for offset in range(3):
            changes["b"].append((max(1, self.middle - offset), 200 + self._bits(13)))
            changes["l"].append((min(len(TICKS) - 2, self.middle + 1 + offset), 200 + self._bits(13)))
        return self._entry(changes)

    def change(self) -> str:
        """One change, as entries of ``rc``: an offer is set, removed or traded, or the whole book moves."""
        kind = self._random()
        if kind < 0.08:
            return self._move()
        if kind < 0.24:
            return self._trade()
        return self._offer("b" if kind < 0.66 else "l")

    def starting_prices(self) -> str:
        """The change of an offer at starting price: near and far price, and their stakes."""
        pennies = 500 + self._bits(14)
        name, tick = ("spb", len(TICKS) - 1) if self._random() < 0.5 else ("spl", 0)
        near, far = TICKS[self.middle] + self._bits(5), TICKS[self.middle] + self._bits(6)
        prices = f'{{"spn":{format_hundredths(near)},"spf":{format_hundredths(far)},"id":{self.selection}}}'
        return f'{{"{name}":[[{PRICES[tick]},{format_hundredths(pennies)}]],"id":{self.selection}}},{prices}'

    def image(self) -> str:
        """The whole book, as a new image has it; a book without offers and trades has its runner only."""
        fields = []
        for side, offers in self.sides.items():
            ordered = sorted(offers.items(), reverse=side == "b")
            if self._levels is not None:
                self._levels[side] = ordered[:LADDER_DEPTH]
                texts = [f"[{n},{PRICES[t]},{format_hundredths(p)}]" for n, (t, p) in enumerate(self._levels[side])]
            else:
                texts = [f"[{PRICES[tick]},{format_hundredths(pennies)}]" for tick, pennies in ordered]
            fields.append(f'"{"bat" if self._levels is not None else "at"}{side}":[{",".join(texts)}],')
        if self.traded:
            texts = [f"[{PRICES[tick]},{format_hundredths(pennies)}]" for tick, pennies in sorted(self.traded.items())]
            volume = format_hundredths(sum(self.traded.values()))
            fields.append(f'"trd":[{",".join(texts)}],"ltp":{PRICES[self.last_traded]},"tv":{volume},')
        return f'{{{"".join(fields)}"id":{self.selection}}}'

    def cleared(self) -> str:
        """Remove all offers, as for a removed runner."""
        return self._entry({side: [(tick, 0) for tick in sorted(offers)] for side, offers in self.sides.items()})

    def best(self, side: Side) -> int | None:
        """The tick of the best offer; None without one."""
        offers = self.sides[side]
        if not offers:
            return None
        return max(offers) if side == "b" else min(offers)

    def drift(self, anchor: int) -> None:
        """Set the anchor of the middle."""
        self.anchor = min(len(TICKS) - 6, max(4, anchor))

    def _offer(self, side: Side) -> str:
        offset = 0
        while offset < 20 and self._random() < 0.72:
            offset += 1
        tick = max(1, self.middle - offset) if side == "b" else min(len(TICKS) - 2, self.middle + 1 + offset)
        gone = tick in self.sides[side] and self._random() < 0.45
        changes = [(tick, 0 if gone else 100 + self._bits(6) * self._bits(8))]
        if self._random() < 0.3:
            other = max(1, tick - 1) if side == "b" else min(len(TICKS) - 2, tick + 1)
            changes.append((other, 100 + self._bits(13)))
        return self._entry({side: changes})

    def _move(self) -> str:
        """Move the middle by some ticks; remove offers on its wrong side and those far behind."""
        pull = self.anchor - self.middle
        up = self._random() < 0.5 + max(-0.45, min(0.45, pull / (2 * MAX_DRIFT)))
        step = 1 + self._bits(1) if abs(pull) <= MAX_DRIFT else min(8, abs(pull) - MAX_DRIFT + 1)
        self.middle = min(len(TICKS) - 5, max(3, self.middle + (step if up else -step)))
        backs = [(tick, 0) for tick in self.sides["b"] if tick > self.middle or 0 < tick < self.middle - 24]
        lays = [
            (tick, 0) for tick in self.sides["l"] if tick <= self.middle or self.middle + 25 < tick < len(TICKS) - 1
        ]
        backs.append((self.middle, 200 + self._bits(14)))
        lays.append((self.middle + 1, 200 + self._bits(14)))
        return self._entry({"b": backs, "l": lays})

    def _trade(self) -> str:
        """A match at the best price, or the correction of an older one: ``trd`` is cumulative, and both sides count."""
        side: Side = "b" if self._random() < 0.5 else "l"
        tick = self.best(side)
        if tick is None:
            return self._offer(side)
        if self.traded and self._random() < 0.06:
            corrected = list(self.traded)[int(self._random() * len(self.traded))]
            self.traded[corrected] -= self.traded[corrected] * (1 + self._bits(4)) // 64
            return self._traded_entry(corrected)
        offered = self.sides[side][tick]
        matched = min(offered, 100 + self._bits(12))
        self.traded[tick] = self.traded.get(tick, 0) + 2 * matched
        self.last_traded = tick
        return f"{self._entry({side: [(tick, offered - matched)]})},{self._traded_entry(tick)}"

    def _traded_entry(self, tick: int) -> str:
        volume = format_hundredths(sum(self.traded.values()))
        return (
            f'{{"trd":[[{PRICES[tick]},{format_hundredths(self.traded[tick])}]],"ltp":{PRICES[self.last_traded]},'
            f'"tv":{volume},"id":{self.selection}}}'
        )

    def _entry(self, changes: dict[Side, list[LadderChange]]) -> str:
        fields = []
        for side, moved in changes.items():
            offers = self.sides[side]
            for tick, pennies in moved:
                if pennies:
                    offers[tick] = pennies
                else:
                    offers.pop(tick, None)
            if self._levels is not None:
                moved_levels = self._changed_levels(side)
                if moved_levels:
                    fields.append(f'"bat{side}":[{moved_levels}]')
            elif moved:
                texts = ",".join(f"[{PRICES[tick]},{format_hundredths(pennies)}]" for tick, pennies in moved)
                fields.append(f'"at{side}":[{texts}]')
        return f'{{{",".join(fields)}{"," if fields else ""}"id":{self.selection}}}'

    def _changed_levels(self, side: Side) -> str:
        assert self._levels is not None
        before = self._levels[side]
        now = sorted(self.sides[side].items(), reverse=side == "b")[:LADDER_DEPTH]
        self._levels[side] = now
        texts = [
            f"[{level},{PRICES[tick]},{format_hundredths(pennies)}]"
            for level, (tick, pennies) in enumerate(now)
            if level >= len(before) or before[level] != (tick, pennies)
        ]
        texts += [f"[{level},0,0]" for level in range(len(now), len(before))]
        return ",".join(texts)
