"""Counts and irregularities of the messages of a stream file, line by line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from perfbench.datasets.description import MarketDescription
from perfbench.datasets.line_problem import shorten
from perfbench.datasets.stream_message import MarketChange, MarketDefinition, StreamMessage, decode_definition
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

REQUIRED_FIELDS = frozenset(
    """
    betDelay bettingType bspMarket bspReconciled complete crossMatching discountAllowed eventId eventTypeId inPlay
    marketBaseRate marketTime numberOfActiveRunners numberOfWinners persistenceEnabled regulators runners runnersVoidable
    status timezone turnInPlayEnabled version
    """.split()  # noqa: SIM905
)
"""Fields without which betfairlightweight 2.24 cannot build a definition in full mode."""

RUNNER_FIELDS = frozenset(["adjustmentFactor", "bsp", "hc", "id", "name", "removalDate", "sortPriority", "status"])

NON_FINITE_PRICES = ("NaN", "Infinity", "-Infinity")

CHANGE_TYPES = ("SUB_IMAGE", "RESUB_DELTA", "HEARTBEAT", "UPDATE")
"""Values of ``ct`` (Betfair, Exchange Stream API); betfairlightweight ignores messages of any other."""

CONNECTION_OPERATIONS = ("connection", "status")
"""Answers of the stream that a raw recording has between the changes."""

FOREIGN_STREAMS = {"ocm": "an order stream", "rcm": "a race stream", "ccm": "a cricket stream"}

Runner = tuple[int, float | None]


@dataclass
class MarketState:
    """The state of a market in the file.

    ``runners`` are those of all its definitions, ``cached`` those that a reader knows: a new image forgets the earlier ones.
    """

    runners: set[Runner] = field(default_factory=set)
    cached: set[Runner] = field(default_factory=set)
    last_defined: set[Runner] = field(default_factory=set)
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
    event_types: dict[str, None] = field(default_factory=dict)
    market_types: dict[str, None] = field(default_factory=dict)

    def note(self, kind: str, place: Any) -> None:
        """Count an irregularity, and keep its first place."""
        entry = self.seen.setdefault(kind, [0, place])
        entry[0] += 1

    def add(self, number: int, line: StreamMessage | None, name: str) -> None:
        """Add a line. Raises DataProblem if the file cannot be replayed."""
        if line is None:
            self.note("blank", number)
        elif line.op == "mcm":
            self._add_market_message(number, line, name)
        else:
            self._add_other_message(number, line, name)

    def _add_other_message(self, number: int, line: StreamMessage, name: str) -> None:
        place = f"{name}, line {number}"
        if line.op is None:
            raise DataProblem(f"{place} has no operation (op): no stream message", hint="choose a stream file")
        if line.op in FOREIGN_STREAMS and not self.updates:
            raise DataProblem(
                f"{name} is {FOREIGN_STREAMS[line.op]} (line {number}: {line.op}), not a market stream",
                hint="choose a market file",
            )
        if line.op == "ocm":
            raise DataProblem(f"{place} is of an order stream (ocm)", hint="split the file into its streams")
        if line.statusCode == "FAILURE":
            raise DataProblem(
                f"{place} is a status message FAILURE ({shorten(line.errorCode or 'no error code')}), at which readers end",
                hint="split the recording there",
            )
        if line.op in CONNECTION_OPERATIONS:
            self.note("connection", number)
        else:
            self.note("operation", f"`{shorten(line.op)}` in line {number}")

    def _add_market_message(self, number: int, line: StreamMessage, name: str) -> None:
        place = f"{name}, line {number}"
        if line.ct not in CHANGE_TYPES:
            raise DataProblem(f"{place} has an unknown change type (ct): `{shorten(line.ct)}`", hint="correct the line")
        if line.statusCode == "FAILURE":
            raise DataProblem(f"{place} is a FAILURE, at which readers end", hint="split the recording there")
        if line.ct == "HEARTBEAT":
            if line.mc:
                raise DataProblem(
                    f"{place} is a heartbeat with market changes, which only some readers take", hint="correct the line"
                )
        elif line.pt is None:
            raise DataProblem(f"{place} has no publish time (pt)", hint="choose a stream file")
        if not line.mc or line.pt is None:
            self.note("empty", number)
            return
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
        defined = decode_definition(change, number, name)
        if state is None:
            if defined is None:
                raise DataProblem(
                    f"{name}, line {number} changes market {shorten(change.id)} before any definition of it",
                    hint="choose a recording that begins with the definition",
                )
            state = self.markets[change.id] = MarketState()
        elif change.img:
            self.note("image" if defined else "bare image", number)
            state.cached.clear()
            state.last_defined.clear()
        if defined is not None:
            self._add_definition(number, *defined, state)
        self.changed += len({runner.key for runner in change.rc})
        state.changes += 1
        for runner in change.rc:
            if runner.key not in state.cached:
                self.note("stranger", f"runner {describe_runner(runner.key)} in line {number}")
            if runner.spn in NON_FINITE_PRICES or runner.spf in NON_FINITE_PRICES:
                self.note("strange price", number)
        return state.in_play

    def _add_definition(
        self, number: int, definition: MarketDefinition, fields: dict[str, Any], state: MarketState
    ) -> None:
        self.definitions += 1
        state.in_play = definition.inPlay is True
        defined = {runner.key for runner in definition.runners}
        for key in sorted(state.last_defined - defined, key=str):
            self.note("left", f"runner {describe_runner(key)} in line {number}")
        if len(defined) < len(definition.runners):
            self.note("twice", number)
        state.last_defined = defined
        state.cached |= defined
        state.runners |= defined
        for names, value in (
            (self.event_types, fields.get("eventTypeId")),
            (self.market_types, fields.get("marketType")),
        ):
            if isinstance(value, str):
                names.setdefault(shorten(value))
        runners = fields["runners"]
        unknown = sorted({*fields} - DEFINITION_FIELDS) + sorted({f for r in runners for f in r} - RUNNER_FIELDS)
        if unknown:
            self.note("new field", f"`{shorten(unknown[0])}` in line {number}")
        if missing := sorted(REQUIRED_FIELDS - {*fields}):
            self.note("missing field", f"`{missing[0]}` in line {number}")
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
            event_types=tuple(self.event_types),
            market_types=tuple(self.market_types),
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


def describe_runner(key: Runner) -> str:
    """A runner for a message: its selection, and its handicap if it has one."""
    selection, handicap = key
    return f"{selection} with handicap {handicap:g}" if handicap else str(selection)


WARNING_TEXTS = {
    "blank": "blank lines: {count} (first: line {first}); betfairlightweight yields the books before them again",
    "empty": "lines without market changes: {count} (first: line {first}); betfairlightweight yields the books before them "
    "again, flumine fails",
    "connection": "messages about the connection: {count} (first: line {first}); betfairlightweight yields the books before "
    "them again, flumine fails",
    "operation": "lines of other operations: {count} (first: {first}); betfairlightweight yields the books before them "
    "again, flumine fails",
    "backwards": "the time goes back {count} times (first: line {first}); sort the file",
    "stranger": "changes of runners that no definition has: {count} (first: {first}); releases up to 2.11 fail on them",
    "bare image": "new images in mid-file without a definition: {count} (first: line {first}); betfairlightweight's books "
    "lose theirs, flumine fails",
    "twice": "definitions that have a runner twice: {count} (first: line {first}); readers keep the last",
    "new field": "definitions with a field that perfbench does not know: {count} (first: {first}); "
    "full mode fails on it or leaves it out",
    "missing field": "definitions without a field that full mode needs: {count} (first: {first})",
    "no priority": "definitions with runners without sortPriority: {count} (first: line {first}); full mode fails",
}

IRREGULARITY_TEXTS = {
    "image": "new images in mid-file: {count} (first: line {first}); each rebuilds its market",
    "left": "runners that a later definition leaves out: {count} (first: {first}); readers keep their last books",
    "strange price": 'starting prices that are "NaN" or "Infinity": {count} (first: line {first})',
}
