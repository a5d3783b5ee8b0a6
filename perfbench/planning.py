"""Scenarios × environments × markets → tables of cases → ordered trials. Pure: the same seed makes the same plan again."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Sequence

from perfbench.errors import UsageProblem
from perfbench.model import Case, Environment, Market, Mode, Scenario, Settings, Table, Trial, TrialKind, Value
from perfbench.naming import suggestion

PASSES_ALONE = 3
"""Memory passes, and passes alone for the wall time, of every case."""

LARGEST_HASH_SEED = 4294967295


def tables(
    scenarios: Sequence[Scenario], environment: Environment, markets: Sequence[Market], settings: Settings
) -> list[Table]:
    """Every table that the settings ask for, in order: scenario, market, point of the sweep.

    Raises UsageProblem for a mode or a parameter that no scenario has, or a value that does not fit.
    """
    known = {parameter.name for s in scenarios for mode in s.modes for parameter in mode.parameters}
    demand_known([name for name, _ in (*settings.parameters, *settings.sweep)], known, "parameter")
    found = []
    for scenario in scenarios:
        modes = [mode for mode in _baseline_first(scenario) if not settings.modes or mode.name in settings.modes]
        here = markets if scenario.uses_market else [None]
        for market, point in itertools.product(here, sweep_points(settings)):
            if modes:
                found.append(_table(scenario, modes, environment, market, point))
    return found


def sweep_points(settings: Settings) -> list[tuple[tuple[str, str], ...]]:
    """Every combination of the values to sweep, each with the parameters that are set."""
    names = [name for name, _ in settings.sweep]
    return [
        (*settings.parameters, *zip(names, values, strict=True))
        for values in itertools.product(*(values for _, values in settings.sweep))
    ]


def _table(
    scenario: Scenario,
    modes: Sequence[Mode],
    environment: Environment,
    market: Market | None,
    point: tuple[tuple[str, str], ...],
) -> Table:
    defaults = {parameter.name: parameter.default for mode in modes for parameter in mode.parameters}
    chosen = tuple((name, converted(name, text, defaults[name])) for name, text in point if name in defaults)
    cases = tuple(
        Case(
            scenario=scenario.name,
            mode=mode.name,
            environment=environment.name,
            data=market.name if market else "",
            parameters=chosen,
        )
        for mode in modes
    )
    return Table(scenario, environment, market, chosen, cases)


def converted(name: str, text: str, default: Value) -> Value:
    """The text from the command line as a value of the default's type. Raises UsageProblem."""
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


def preliminaries(table: Table, seed: int) -> list[Trial]:
    """One check of all cases, then memory passes and passes alone of every case, in random order within a round."""
    order = random.Random(f"{seed} {table.cases[0].id} alone")
    kinds: tuple[TrialKind, ...] = ("memory", "alone")
    alone = []
    for number in range(PASSES_ALONE):
        round_ = [
            Trial(kind, number, (case,), order.randint(1, LARGEST_HASH_SEED)) for kind in kinds for case in table.cases
        ]
        order.shuffle(round_)
        alone.extend(round_)
    return [check(table), *alone]


def check(table: Table) -> Trial:
    """The check pass of every case."""
    return Trial("check", 0, table.cases, 0, tuple(range(len(table.cases))))


def round_of(table: Table, number: int, seed: int) -> list[Trial]:
    """One duet of every case with the baseline, in random order; with a single case, one pass alone."""
    order = random.Random(f"{seed} {table.cases[0].id} {number}")
    baseline, *others = table.cases
    if not others:
        return [Trial("alone", PASSES_ALONE + number, (baseline,), order.randint(1, LARGEST_HASH_SEED))]
    order.shuffle(others)
    return [_duet(number, baseline, other, order) for other in others]


def _duet(number: int, baseline: Case, other: Case, order: random.Random) -> Trial:
    cases, go = [baseline, other], [0, 1]
    order.shuffle(cases)
    order.shuffle(go)
    return Trial("duet", number, tuple(cases), order.randint(1, LARGEST_HASH_SEED), tuple(go))


def _baseline_first(scenario: Scenario) -> list[Mode]:
    return sorted(scenario.modes, key=lambda mode: mode is not scenario.baseline)


def demand_known(asked: Iterable[str], known: set[str], kind: str) -> None:
    """Raises UsageProblem for the first name that is asked for and not known."""
    for name in asked:
        if name not in known:
            raise UsageProblem(f"no {kind} `{name}`{suggestion(name, known)}")
