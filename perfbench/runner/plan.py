"""Plan: scenarios × environments × markets → groups of cases → trials in random order. The same seed gives the same plan."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from perfbench.errors import UsageProblem
from perfbench.model import (
    SOLO_ROUNDS,
    Budget,
    Case,
    CaseGroup,
    CaseInEnvironment,
    Environment,
    GatePolicy,
    Market,
    Metric,
    Mode,
    Scenario,
    Settings,
    Trial,
    TrialKind,
    Value,
    claims,
    select_for_scenario,
)
from perfbench.stats import instructions
from perfbench.util.suggest import suggest_name

SOLO_PASSES = SOLO_ROUNDS
"""Memory passes of every case, and solo passes for the wall time."""

GATE_MEMORY_PASSES = 5
"""Processes per side for a verdict on memory (docs/concepts/metrics.md, "Memory")."""

GATE_SOLO_PASSES = 8
"""Solo passes per side for a verdict on a metric that a mode reports: 8 above 8 others have probability 1 / 12,870 by chance."""

MAX_HASH_SEED = 4294967295

BUILT_IN_BUDGETS = ("memory", "count", "peak")
"""Budgets that every scenario can have, beside those of its own metrics."""


@dataclass(frozen=True, slots=True)
class MatrixEntry:
    """A scenario with the modes to measure in one environment; ``places`` has the environment of each mode."""

    scenario: Scenario
    environment: Environment
    places: Mapping[str, Environment]


def plan_groups(
    groups: Sequence[Sequence[MatrixEntry]], markets: Sequence[Market], settings: Settings
) -> list[CaseGroup]:
    """Every group of cases of the settings, in order: scenario, market, point of the sweep, group of environments.

    :param groups: offers of one scenario each, in environments that are compared with each other.

    Raises UsageProblem for a parameter that no scenario has, or a value that does not fit.
    """
    offers = [offer for group in groups for offer in group]
    names = {(o.scenario.name, p.name) for o in offers for mode in o.scenario.modes for p in mode.parameters}
    names_to_set = [name for name, _ in (*settings.parameters, *settings.sweep)]
    require_known(
        [name for name in names_to_set if "." not in name], {parameter for _, parameter in names}, "parameter"
    )
    require_known([name for name in names_to_set if "." in name], set(map(".".join, names)), "parameter")
    planned = []
    for _, same_scenario in itertools.groupby(groups, key=lambda group: group[0].scenario.name):
        apart = [part for group in same_scenario for part in _split_sweep(group, settings)]
        here = markets if apart and replays_market(apart[0][0].scenario, settings) else [None]
        own = {
            parameter.name
            for part in apart
            for offer in part
            for m in offer.scenario.modes
            for parameter in m.parameters
        }
        for market, point, part in itertools.product(
            here, expand_sweep(settings, own, apart[0][0].scenario.name), apart
        ):
            quick = part[0].scenario.quick if settings.quick else ()
            values = {**{name: str(value) for name, value in quick}, **dict(point)}
            cross_modes = not settings.links and settings.gate is None
            table = _build_group(part, market, tuple(values.items()), cross_modes=cross_modes)
            if table.places:
                planned.append(replace(table, arguments=settings.arguments if table.scenario.program else ()))
    return planned


def replays_market(scenario: Scenario, settings: Settings) -> bool:
    """Whether a scenario replays the market files of a run. A program does, in place of its own, where ``--data`` names some."""
    return scenario.uses_market or bool(scenario.program and settings.data)


def plan_gate_groups(
    groups: Sequence[Sequence[MatrixEntry]], markets: Sequence[Market], settings: Settings
) -> list[CaseGroup]:
    """Every comparison of a gate, each a group of its own: each mode before and after, and pairs of modes with a budget.

    A group whose sides are not both there gives none. Raises UsageProblem as ``tables`` does, and for a budget of unknown modes or
    of modes that no scenario has both.
    """
    compared = [group for group in groups if len(group) > 1]
    whole = plan_groups(compared, markets, settings)
    budgets = [budget for budget in (settings.gate or GatePolicy()).budgets if budget.kind == "ratio"]
    if whole:
        _check_ratios(budgets, [{mode.name for offer in group for mode in offer.scenario.modes} for group in compared])
        limited = [budget.metric for budget in (settings.gate or GatePolicy()).budgets if budget.metric]
        _require_direction(limited, [metric for table in whole for metric in table.scenario.metrics])
    comparisons = []
    for table in whole:
        after = {p.case.mode: p.case for p in table.places if p.case.environment == table.places[-1].case.environment}
        ratios = [
            (after[budget.other], after[budget.mode])
            for budget in budgets
            if {budget.mode, budget.other} <= after.keys()
        ]
        comparisons += [
            replace(table, places=tuple(map(table.place, duet)), duets=(duet,)) for duet in (*table.duets, *ratios)
        ]
    return comparisons


def _check_ratios(budgets: Sequence[Budget], modes: Sequence[set[str]]) -> None:
    """:param modes: those of each scenario, including modes that one side lacks, which are problems of the run."""
    require_known([name for budget in budgets for name in (budget.mode, budget.other)], set().union(*modes), "mode")
    for budget in budgets:
        if not any({budget.mode, budget.other} <= own for own in modes):
            raise UsageProblem(
                f"--budget {budget.mode}/{budget.other}: `{budget.mode}` and `{budget.other}` are modes of different scenarios"
            )


def _require_direction(limited: Sequence[str], own: Sequence[Metric]) -> None:
    names = {metric.name for metric in own}
    for name in limited:
        if name not in names:
            raise UsageProblem(
                f"--budget {name}: no metric of that name{suggest_name(name, {*names, *BUILT_IN_BUDGETS}, list_all=False)}",
                hint=f"choose one of {', '.join((*BUILT_IN_BUDGETS, *sorted(names)))}, or MODE/OTHER",
            )
    for metric in own:
        if metric.name in limited and metric.better == "neither":
            raise UsageProblem(f"`{metric.name}` cannot have a budget: neither direction is better")


def _split_sweep(group: Sequence[MatrixEntry], settings: Settings) -> list[Sequence[MatrixEntry]]:
    """The parts that are measured separately: in a sweep pairs of environments, else the whole group."""
    if not settings.links:
        return [group]
    if settings.links == "neighbours":
        return [*itertools.pairwise(group)]
    anchors = [offer for offer in group if offer.environment.name == settings.anchor]
    return [(anchor, other) for anchor in anchors for other in group if other is not anchor]


def expand_sweep(settings: Settings, own: set[str], scenario: str) -> list[tuple[tuple[str, str], ...]]:
    """Every combination of swept values, each with the parameters that are set; only parameters that the scenario has.

    :param own: the names of its parameters.
    """
    swept = {name: values for name, values in select_for_scenario(settings.sweep, scenario).items() if name in own}
    fixed = [(name, value) for name, value in select_for_scenario(settings.parameters, scenario).items() if name in own]
    return [(*fixed, *zip(swept, values, strict=True)) for values in itertools.product(*swept.values())]


def _build_group(
    offers: Sequence[MatrixEntry], market: Market | None, point: tuple[tuple[str, str], ...], *, cross_modes: bool
) -> CaseGroup:
    scenario = offers[0].scenario
    defaults = {p.name: p.default for offer in offers for mode in offer.scenario.modes for p in mode.parameters}
    chosen = tuple((name, convert_value(name, text, defaults[name])) for name, text in point if name in defaults)
    data = market.name if market else ""
    places = [
        CaseInEnvironment(
            Case(scenario.name, mode.name, offer.environment.name, data, chosen), offer.places[mode.name], mode.floor
        )
        for offer in offers
        for mode in _order_modes(offer.scenario)
    ]
    if len(offers) == 1:
        first, *others = places
        duets = [(first.case, other.case) for other in others]
    else:
        duets = [*_pair_same_modes(places), *(_pair_claimed_modes(scenario, places) if cross_modes else ())]
        compared = {case for duet in duets for case in duet}
        places = [place for place in places if place.case in compared]
    return CaseGroup(scenario, market, chosen, tuple(places), tuple(duets))


def _pair_same_modes(places: Sequence[CaseInEnvironment]) -> list[tuple[Case, Case]]:
    """Pairs of each mode of the first environment with the same mode of every other."""
    first = {place.case.mode: place.case for place in places if place.case.environment == places[0].case.environment}
    cases = [place.case for place in places]
    return [(first[case.mode], case) for mode in first for case in cases if case.mode == mode and case != first[mode]]


def _pair_claimed_modes(scenario: Scenario, places: Sequence[CaseInEnvironment]) -> list[tuple[Case, Case]]:
    """Pairs that a claim compares across modes: one mode before, another after."""
    pairs = []
    for claim in scenario.claims:
        sides = [
            [place.case for place in places if claims.matches_side(side, place)] for side in (claim.before, claim.after)
        ]
        pairs += [
            (before, after)
            for before, after in itertools.product(*sides)
            if before.mode != after.mode and before.environment != after.environment
        ]
    return pairs


def convert_value(name: str, text: str, default: Value) -> Value:
    """The text from the command line, converted to the type of the default. Raises UsageProblem."""
    if isinstance(default, bool):
        if text.lower() in ("true", "yes", "1", "false", "no", "0"):
            return text.lower() in ("true", "yes", "1")
        raise UsageProblem(f"{name}={text}: write true or false")
    if isinstance(default, str):
        return text
    try:
        return type(default)(text)
    except ValueError:
        raise UsageProblem(f"{name}={text}: write a number like {default}") from None


def plan_checks(table: CaseGroup) -> list[Trial]:
    """The check pass of every case."""
    return [Trial("check", 0, (case,), 0) for case in table.cases]


def plan_repeated_checks(table: CaseGroup) -> list[Trial]:
    """A second check pass of every case of a program, with another hash seed: its orders may differ from run to run."""
    return [Trial("check", 1, (case,), 1) for case in table.cases] if table.scenario.program else []


def plan_difference(before: Case, after: Case) -> Trial:
    """The search for the first difference of two outputs."""
    return Trial("differ", 0, (before, after), 0)


def plan_counts(table: CaseGroup) -> list[Trial]:
    """An instruction count of every case under every hash seed."""
    return [Trial("count", seed, (case,), seed) for case in table.cases for seed in instructions.HASH_SEEDS]


def plan_solo_passes(table: CaseGroup, settings: Settings) -> list[Trial]:
    """Memory and solo passes of every case, in random order; memory first: it shows whether a scenario times itself."""
    order = random.Random(f"{settings.seed} {table.cases[0].id} alone")
    most = _count_solo_passes(settings)
    alone: list[Trial] = []
    for number in range(max(most.values())):
        for kind, passes in most.items():
            same = [Trial(kind, number, (case,), order.randint(1, MAX_HASH_SEED)) for case in table.cases]
            order.shuffle(same)
            alone.extend(same if number < passes else ())
    return alone


def _count_solo_passes(settings: Settings) -> dict[TrialKind, int]:
    if settings.gate is not None:
        alone = GATE_SOLO_PASSES if settings.gate.limits_numbers else 1
        return {"memory": GATE_MEMORY_PASSES if settings.gate.limits_memory else 0, "alone": alone}
    passes = 1 if settings.links or settings.quick else SOLO_PASSES
    return {"memory": passes, "alone": passes}


def plan_round(table: CaseGroup, number: int, seed: int) -> list[Trial]:
    """Every duet once, in random order; a solo pass for a group without duets."""
    order = random.Random(f"{seed} {table.cases[0].id} {number}")
    if not table.duets:
        return [Trial("alone", SOLO_PASSES + number, (case,), order.randint(1, MAX_HASH_SEED)) for case in table.cases]
    duets = list(table.duets)
    order.shuffle(duets)
    return [build_duet(number, before, after, order) for before, after in duets]


def plan_pilot(table: CaseGroup, number: int, settings: Settings) -> Trial:
    """A duet that only measures what a pair costs; its ratio is never used."""
    order = random.Random(f"{settings.seed} {table.cases[0].id} pilot {number}")
    return build_duet(number, *table.duets[0], order)


def build_duet(number: int, before: Case, after: Case, order: random.Random) -> Trial:
    cases, go = [before, after], [0, 1]
    order.shuffle(cases)
    order.shuffle(go)
    return Trial("duet", number, tuple(cases), order.randint(1, MAX_HASH_SEED), tuple(go))


def _order_modes(scenario: Scenario) -> list[Mode]:
    return sorted(scenario.modes, key=lambda mode: mode is not scenario.baseline)


def require_known(names: Iterable[str], choices: set[str], kind: str) -> None:
    """Raises UsageProblem for the first unknown name."""
    for name in names:
        if name not in choices:
            raise UsageProblem(f"no {kind} `{name}`{suggest_name(name, choices)}")
