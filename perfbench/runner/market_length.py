"""Cut markets to their first lines where even the fewest passes over all of them exceed the time limit.

What passes take is proportional to the bytes that they read, closer than to lines or updates (docs/concepts/estimate.md).
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from perfbench.datasets import head
from perfbench.model import WALL_SECONDS, Case, CaseGroup, Market, Settings
from perfbench.runner import heads, machine, output_check, output_schedule, plan
from perfbench.runner.probe import run_probe
from perfbench.runner.scheduler import MIN_PAIRS
from perfbench.runner.time_limit import TimeLimit
from perfbench.runner.trial import Conditions

PROBE_LINES = 1000
PROBE_SHARE = 0.1
"""The share of the time limit after which no more groups are probed; the others are expected to take what these do."""

USED_SHARE = 0.8
"""The share of its time that a cut market is expected to take: the rest is for what varies."""

MIN_LINES = 250

Cut = tuple[str, int]
"""The name of a market file and the number of its first lines that are measured."""


@dataclass(frozen=True, slots=True)
class PassCost:
    """Seconds of a pass: its start-up, and for each byte of the market file."""

    startup: float
    per_byte: float


@dataclass(frozen=True, slots=True)
class GroupCost:
    """Seconds of one group: of what is done once and of each round, both whatever the length of the market and for each byte."""

    once: PassCost
    round: PassCost

    def expect(self, rounds: int, size: float) -> float:
        """The seconds of this number of rounds on a market of this many bytes, with what is done once."""
        return (
            self.once.startup + rounds * self.round.startup + (self.once.per_byte + rounds * self.round.per_byte) * size
        )

    def fit(self, rounds: int, seconds: float) -> float:
        """The bytes on which this number of rounds takes these seconds; not positive if start-ups alone take longer."""
        left = seconds - self.expect(rounds, 0)
        per_byte = self.once.per_byte + rounds * self.round.per_byte
        return left / per_byte if per_byte > 0 else math.inf


def cut_to_limit(
    tables: Sequence[CaseGroup],
    settings: Settings,
    folder: Path,
    limit: TimeLimit,
    observe: Callable[[str], None],
) -> tuple[list[CaseGroup], tuple[Cut, ...]]:
    """The groups with markets on which the fewest passes fit into the time, and the markets that were cut for it.

    A market that is too long is cut so that every pair has an interval, if that can be. Programs replay whole markets.

    :param folder: for the cut files. Raises DataProblem for a market that cannot be cut.
    """
    if settings.cuts is not None:
        return _cut_again(tables, settings.cuts, folder), settings.cuts
    if limit.left == math.inf:
        return list(tables), ()
    replaying = [table for table in tables if _can_be_cut(table)]
    markets = [market for market in heads.list_markets(replaying) if head.has_more_lines(market, PROBE_LINES)]
    if not markets:
        return list(tables), ()
    core, spare = machine.choose_cores()
    conditions = Conditions(core, settings.timeout, spare=spare)
    probed = _probe_groups([t for t in replaying if t.market in markets], settings, conditions, folder, limit)
    cuts = []
    for market in markets:
        own = [table for table in replaying if table.market == market]
        cost = _join_costs([probed.find(table) for table in own])
        seconds = limit.left * len(own) / len(tables)
        expected = cost.expect(1, head.measure_size(market))
        if expected <= seconds:
            continue
        lines = _choose_lines(market, cost, USED_SHARE * seconds)
        cuts.append((market.name, lines))
        observe(
            f"{market.name}: its first {lines:,} lines are measured; the fewest passes over all of it "
            f"would take about {expected:.0f} s of --max-time {limit.seconds:g}"
        )
    return _cut_again(tables, cuts, folder), tuple(cuts)


def _can_be_cut(table: CaseGroup) -> bool:
    return table.market is not None and not table.scenario.program


def _cut_again(tables: Sequence[CaseGroup], cuts: Iterable[Cut], folder: Path) -> list[CaseGroup]:
    """The groups on the first lines of the markets that are to be cut, with a warning."""
    lines = dict(cuts)
    shorter: dict[str, Market] = {}
    for market in heads.list_markets(tables):
        if market.name in lines:
            own = folder / f"fitted-{len(shorter)}"
            own.mkdir()
            warning = f"only its first {lines[market.name]:,} lines: the fewest passes over all of it exceed --max-time"
            shorter[market.name] = head.cut_market(market, lines[market.name], own, warning)
    return [
        heads.move_to_market(table, shorter[table.market.name])
        if table.market is not None and table.market.name in shorter and _can_be_cut(table)
        else table
        for table in tables
    ]


@dataclass(frozen=True, slots=True)
class _Probes:
    """What the groups take that were probed, by their cases without the market."""

    costs: dict[tuple[Case, ...], GroupCost] = field(default_factory=dict)

    def find(self, table: CaseGroup) -> GroupCost:
        """The cost of a group; of one that was not probed the average."""
        own = self.costs.get(_key(table))
        return _join_costs(self.costs.values(), len(self.costs)) if own is None else own


def _key(table: CaseGroup) -> tuple[Case, ...]:
    return tuple(replace(case, data="") for case in table.cases)


def _probe_groups(
    tables: Sequence[CaseGroup], settings: Settings, conditions: Conditions, folder: Path, limit: TimeLimit
) -> _Probes:
    """The costs of the groups, from passes over the first lines of a market; each group once, however many markets it has."""
    probes, passes = _Probes(), dict[Case, PassCost]()
    own = folder / "probe"
    own.mkdir()
    shorter: dict[str, Market] = {}
    until = limit.spent + PROBE_SHARE * limit.seconds
    for table in tables:
        if _key(table) in probes.costs or (probes.costs and limit.spent > until):
            continue
        assert table.market is not None
        if table.market.name not in shorter:
            place = own / str(len(shorter))
            place.mkdir()
            shorter[table.market.name] = head.cut_market(table.market, PROBE_LINES, place)
        moved = heads.move_to_market(table, shorter[table.market.name])
        probes.costs[_key(table)] = _probe_group(moved, settings, conditions, passes, limit)
    return probes


def _probe_group(
    table: CaseGroup, settings: Settings, conditions: Conditions, passes: dict[Case, PassCost], clock: TimeLimit
) -> GroupCost:
    """What a group takes, from a solo pass of each case and the check passes of all.

    :param passes: of cases that were probed before; takes in the others.
    """
    assert table.market is not None
    size = head.measure_size(table.market)
    costs: dict[Case, PassCost] = {}
    for case in table.cases:
        key = replace(case, data="")
        if key not in passes and (sample := run_probe(table, case, settings, conditions)) is not None:
            metrics = sample.metrics
            passes[key] = PassCost(metrics["startup_seconds"], metrics[WALL_SECONDS.name] / size)
        if key in passes:
            costs[case] = passes[key]
    begin = clock.spent
    checks = [trial for trial in plan.plan_checks(table) if trial.cases[0] in costs]
    expected = output_schedule.find_expected_changes(table, settings)
    for _ in output_check.run_check_passes(checks, table, conditions, expected, {}):
        pass
    spent = clock.spent - begin
    startups = sum(cost.startup for cost in costs.values())
    starting = startups / min(os.cpu_count() or 1, max(1, len(checks)))
    once = PassCost(
        startups + starting, sum(cost.per_byte for cost in costs.values()) + max(0.0, spent - starting) / size
    )
    return GroupCost(once, _expect_round(table, costs))


def _expect_round(table: CaseGroup, costs: Mapping[Case, PassCost]) -> PassCost:
    """What a round takes: the shorter side of a pair is repeated until the longer one is done."""
    duets = [(costs[before], costs[after]) for before, after in table.duets if before in costs and after in costs]
    if not table.duets:
        return PassCost(sum(c.startup for c in costs.values()), sum(c.per_byte for c in costs.values()))
    return PassCost(
        sum(max(before.startup, after.startup) for before, after in duets),
        sum(2 * max(before.per_byte, after.per_byte) for before, after in duets),
    )


def _join_costs(costs: Iterable[GroupCost], divisor: int = 1) -> GroupCost:
    """The sum of the costs of several groups, divided."""
    every = list(costs)

    def add(parts: Iterable[PassCost]) -> PassCost:
        both = [(part.startup, part.per_byte) for part in parts]
        return PassCost(sum(first for first, _ in both) / divisor, sum(second for _, second in both) / divisor)

    return GroupCost(add(cost.once for cost in every), add(cost.round for cost in every))


def _choose_lines(market: Market, cost: GroupCost, seconds: float) -> int:
    """The lines on which every pair reaches an interval in these seconds; if not even the fewest lines do, one round."""
    for rounds in (MIN_PAIRS, 1):
        lines = head.count_lines_within(market, cost.fit(rounds, seconds))
        if lines >= MIN_LINES:
            break
    return max(MIN_LINES, lines)
