"""What the messages of a stream file say, added up line by line."""

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
"""What betfairlightweight 2.24 knows of a definition; an older release fails in full mode on what it does not know."""

RUNNER_FIELDS = frozenset(["adjustmentFactor", "bsp", "hc", "id", "name", "removalDate", "sortPriority", "status"])

NON_FINITE_PRICES = ("NaN", "Infinity", "-Infinity")


class RunnerChange(msgspec.Struct):
    """One entry of ``rc``, as far as it is looked at."""

    id: int
    hc: float | None = None
    spn: float | str | None = None
    spf: float | str | None = None


class MarketChange(msgspec.Struct):
    """One entry of ``mc``."""

    id: str
    marketDefinition: dict[str, Any] | None = None  # noqa: N815 - Betfair's name
    rc: list[RunnerChange] | None = None
    img: bool | None = None


class StreamMessage(msgspec.Struct):
    """One message."""

    op: str | None = None
    pt: int | None = None
    mc: list[MarketChange] | None = None


@dataclass
class MarketState:
    """What is known of one market in the file so far."""

    runners: set[int] = field(default_factory=set)
    in_play: bool = False
    changes: int = 0


@dataclass
class FileSummary:
    """The counts of one file."""

    markets: dict[str, MarketState] = field(default_factory=dict)
    updates: int = 0
    definitions: int = 0
    changed: int = 0
    in_play: int = 0
    first: int | None = None
    last: int = 0
    seen: dict[str, list[Any]] = field(default_factory=dict)

    def note(self, kind: str, what: Any) -> None:
        """Count something unusual, and keep the first instance."""
        known = self.seen.setdefault(kind, [0, what])
        known[0] += 1

    def add(self, number: int, line: StreamMessage | None, name: str) -> None:
        """Take in one line. Raises DataProblem where the file cannot be replayed."""
        if line is None:
            self.note("blank", number)
            return
        if line.op == "ocm":
            raise DataProblem(
                f"{name} is a stream of orders (line {number}: ocm), not of markets; choose a market file"
            )
        if line.op != "mcm" or not line.mc:
            self.note("empty", number)
            return
        if line.pt is None:
            raise DataProblem(f"{name}, line {number} has no publish time (pt); choose a stream file")
        if line.pt < self.last:
            self.note("backwards", number)
        self.first = line.pt if self.first is None else self.first
        self.last = max(self.last, line.pt)
        self.updates += 1
        in_play = False
        for change in line.mc:
            in_play |= self._market(number, change, name)
        self.in_play += in_play

    def _market(self, number: int, change: MarketChange, name: str) -> bool:
        state = self.markets.get(change.id)
        if state is None:
            if change.marketDefinition is None:
                raise DataProblem(
                    f"{name}, line {number} changes market {change.id} before any definition of it; "
                    "choose a recording that begins with the definition"
                )
            state = self.markets[change.id] = MarketState()
        elif change.img and state.changes:
            self.note("image", number)
        if change.marketDefinition is not None:
            self._definition(number, change.marketDefinition, state, name)
        changed = {(runner.id, runner.hc) for runner in change.rc or ()}
        self.changed += len(changed)
        state.changes += 1
        for runner in change.rc or ():
            if runner.id not in state.runners:
                self.note("stranger", f"runner {runner.id} in line {number}")
            if runner.spn in NON_FINITE_PRICES or runner.spf in NON_FINITE_PRICES:
                self.note("strange price", number)
        return state.in_play

    def _definition(self, number: int, definition: dict[str, Any], state: MarketState, name: str) -> None:
        runners = definition.get("runners")
        if not isinstance(runners, list) or not all(isinstance(r, dict) and "id" in r for r in runners):
            raise DataProblem(f"{name}, line {number}: a market definition without runners; choose a stream file")
        self.definitions += 1
        state.in_play = definition.get("inPlay") is True
        state.runners |= {runner["id"] for runner in runners}
        unknown = sorted({*definition} - DEFINITION_FIELDS) + sorted({f for r in runners for f in r} - RUNNER_FIELDS)
        if unknown:
            self.note("new field", f"`{unknown[0]}` in line {number}")
        if not all("sortPriority" in runner for runner in runners):
            self.note("no priority", number)

    def description(self, *, name: str, **file: Any) -> MarketDescription:
        """All that was found. Raises DataProblem for a file without a single update."""
        if not self.updates:
            raise DataProblem(f"{name} has 0 updates: no line changes a market; choose another file")
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
            doubts=(*self._doubts(),),
            remarks=(*self._doubts(), *self._told(REMARK_TEXTS)),
            **file,
        )

    def _doubts(self) -> Iterable[str]:
        if len(self.markets) > 1:
            yield (
                f"{len(self.markets)} markets in one file: betfairlightweight yields every open one again at each line"
            )
        yield from self._told(WARNING_TEXTS)

    def _told(self, remarks: Mapping[str, str]) -> Iterable[str]:
        for kind, text in remarks.items():
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

REMARK_TEXTS = {
    "image": "new images in mid-file: {count} (first: line {first}); each builds its market anew",
    "strange price": 'starting prices that are "NaN" or "Infinity": {count} (first: line {first})',
}
