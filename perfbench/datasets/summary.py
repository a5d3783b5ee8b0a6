"""Counts and irregularities of the messages of a stream file, line by line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from perfbench.datasets.description import MarketDescription
from perfbench.errors import DataProblem

DEFINITION_FIELDS = frozenset(
    """
    betDelay betDelayModels bettingType bspMarket bspReconciled complete countryCode crossMatching discountAllowed
    eachWayDivisor eventId eventName eventTypeId inPlay keyLineDefinition lineInterval lineMaxUnit lineMinUnit
    marketBaseRate marketTime marketType name numberOfActiveRunners numberOfWinners openDate persistenceEnabled
    priceLadderDefinition raceType regulators runners runnersVoidable settledTime status suspendReason suspendTime
    timezone turnInPlayEnabled venue version
    """.split()  # noqa: SIM905 - a list of names reads best as a text
)
"""Fields of a definition in betfairlightweight 2.24; older releases fail in full mode on unknown fields."""

RUNNER_FIELDS = frozenset(["adjustmentFactor", "bsp", "hc", "id", "name", "removalDate", "sortPriority", "status"])

NON_FINITE_PRICES = ("NaN", "Infinity", "-Infinity")


class RunnerChange(msgspec.Struct):
    """An entry of ``rc``: the fields that are checked."""

    id: int
    hc: float | None = None
    spn: float | str | None = None
    spf: float | str | None = None


class MarketChange(msgspec.Struct):
    """An entry of ``mc``."""

    id: str
    marketDefinition: dict[str, Any] | None = None  # noqa: N815 - Betfair's name
    rc: list[RunnerChange] | None = None
    img: bool | None = None


class StreamMessage(msgspec.Struct):
    """A stream message."""

    op: str | None = None
    pt: int | None = None
    mc: list[MarketChange] | None = None


@dataclass
class MarketState:
    """The state of a market in the file."""

    runners: set[int] = field(default_factory=set)
    in_play: bool = False
    changes: int = 0


@dataclass
class FileSummary:
    """Counts of a file."""

    markets: dict[str, MarketState] = field(default_factory=dict)
    updates: int = 0
    definitions: int = 0
    changed: int = 0
    in_play: int = 0
    first: int | None = None
    last: int = 0
    seen: dict[str, list[Any]] = field(default_factory=dict)

    def note(self, kind: str, place: Any) -> None:
        """Count an irregularity, and keep its first place."""
        entry = self.seen.setdefault(kind, [0, place])
        entry[0] += 1

    def add(self, number: int, line: StreamMessage | None, name: str) -> None:
        """Add a line. Raises DataProblem if the file cannot be replayed."""
        if line is None:
            self.note("blank", number)
            return
        if line.op == "ocm":
            raise DataProblem(
                f"{name} is an order stream (line {number}: ocm), not a market stream", hint="choose a market file"
            )
        if line.op != "mcm" or not line.mc:
            self.note("empty", number)
            return
        if line.pt is None:
            raise DataProblem(f"{name}, line {number} has no publish time (pt)", hint="choose a stream file")
        if line.pt < self.last:
            self.note("backwards", number)
        self.first = line.pt if self.first is None else self.first
        self.last = max(self.last, line.pt)
        self.updates += 1
        in_play = False
        for change in line.mc:
            in_play |= self._add_change(number, change, name)
        self.in_play += in_play

    def _add_change(self, number: int, change: MarketChange, name: str) -> bool:
        state = self.markets.get(change.id)
        if state is None:
            if change.marketDefinition is None:
                raise DataProblem(
                    f"{name}, line {number} changes market {change.id} before any definition of it",
                    hint="choose a recording that begins with the definition",
                )
            state = self.markets[change.id] = MarketState()
        elif change.img and state.changes:
            self.note("image", number)
        if change.marketDefinition is not None:
            self._add_definition(number, change.marketDefinition, state, name)
        changed = {(runner.id, runner.hc) for runner in change.rc or ()}
        self.changed += len(changed)
        state.changes += 1
        for runner in change.rc or ():
            if runner.id not in state.runners:
                self.note("stranger", f"runner {runner.id} in line {number}")
            if runner.spn in NON_FINITE_PRICES or runner.spf in NON_FINITE_PRICES:
                self.note("strange price", number)
        return state.in_play

    def _add_definition(self, number: int, definition: dict[str, Any], state: MarketState, name: str) -> None:
        runners = definition.get("runners")
        if not isinstance(runners, list) or not all(isinstance(r, dict) and "id" in r for r in runners):
            raise DataProblem(
                f"{name}, line {number} has a market definition without runners", hint="choose a stream file"
            )
        self.definitions += 1
        state.in_play = definition.get("inPlay") is True
        state.runners |= {runner["id"] for runner in runners}
        unknown = sorted({*definition} - DEFINITION_FIELDS) + sorted({f for r in runners for f in r} - RUNNER_FIELDS)
        if unknown:
            self.note("new field", f"`{unknown[0]}` in line {number}")
        if not all("sortPriority" in runner for runner in runners):
            self.note("no priority", number)

    def build_description(self, *, name: str, **file: Any) -> MarketDescription:
        """The description of the file. Raises DataProblem for a file without updates."""
        if not self.updates:
            raise DataProblem(f"{name} has 0 updates: no line changes a market", hint="choose another file")
        return MarketDescription(
            name=name,
            updates=self.updates,
            market_ids=tuple(self.markets),
            runners=sum(len(state.runners) for state in self.markets.values()),
            definitions=self.definitions,
            runners_changed=self.changed / self.updates,
            in_play_updates=self.in_play,
            first_published=self.first or 0,
            last_published=self.last,
            warnings=tuple(self._list_warnings()),
            irregularities=(*self._list_warnings(), *self._format_irregularities(IRREGULARITY_TEXTS)),
            **file,
        )

    def _list_warnings(self) -> Iterable[str]:
        if len(self.markets) > 1:
            yield (
                f"{len(self.markets)} markets in one file: betfairlightweight yields every open one again at each line"
            )
        yield from self._format_irregularities(WARNING_TEXTS)

    def _format_irregularities(self, texts: Mapping[str, str]) -> Iterable[str]:
        for kind, text in texts.items():
            if kind in self.seen:
                count, first = self.seen[kind]
                yield text.format(count=f"{count:,}", first=first)


WARNING_TEXTS = {
    "blank": "blank lines: {count} (first: line {first}); a replay skips them",
    "empty": "lines without market changes: {count} (first: line {first}); a replay yields the same books again, "
    "flumine fails",
    "backwards": "the time goes back {count} times (first: line {first}); sort the file",
    "stranger": "changes of runners that no definition has: {count} (first: {first}); releases up to 2.11 fail on them",
    "new field": "definitions with a field that perfbench does not know: {count} (first: {first}); "
    "full mode fails on it or leaves it out",
    "no priority": "definitions with runners without sortPriority: {count} (first: line {first}); full mode fails",
}

IRREGULARITY_TEXTS = {
    "image": "new images in mid-file: {count} (first: line {first}); each rebuilds its market",
    "strange price": 'starting prices that are "NaN" or "Infinity": {count} (first: line {first})',
}
