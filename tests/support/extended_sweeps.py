"""Sweeps that are extended in parts: planned as perfbench plans them, with made-up pairs in place of measured ones."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from perfbench.environments.labels import strip_copy_number
from perfbench.model import Case, Environment, Machine, Market, Output, Package, Result, Run, Sample, Settings
from perfbench.results import document
from perfbench.runner import plan, prepare
from perfbench.runner.extension import extend_run
from perfbench.runner.prepare import PreparedRun
from perfbench.sweep.extension import SweepExtension
from support.runs import offer, scenario, settings

SIGMA = 0.01
MACHINE = Machine("Linux 6.1", "CPU", 2, 2**32, "CPython 3.11.7", 0.1, pinned=True)
OTHER_MACHINE = replace(MACHINE, system="Linux 6.8", cpu="Other", cores=4, python="CPython 3.12.3")
MARKETS = (Market("one", "/one", "1" * 64, 1, 1, 1), Market("two", "/two", "2" * 64, 1, 1, 1))

Cost = Callable[[Case, str], float]
"""The seconds of a case without noise, and which release it is of."""


def spec(release: str) -> str:
    return f"horses=={release}"


def release_of(case: Case) -> str:
    return strip_copy_number(case.environment).partition("==")[2]


def sweep_settings(*releases: str, **changes: object) -> Settings:
    """The settings of a sweep of ``replay`` over these releases of ``horses``, 17 pairs a step."""
    values = {"scenarios": ("replay",), "modes": ("light",), "rounds": 17, "links": "neighbours", **changes}
    return settings(environments=(tuple(map(spec, releases)),), **values)


def prepare_sweep(
    made: Settings,
    *,
    markets: Sequence[Market] = MARKETS[:1],
    machine: Machine = MACHINE,
    unbuilt: Mapping[str, str] | None = None,
    packages: Mapping[str, str] | None = None,
    python: str = "3.11.7",
    name: str = "prepared",
) -> PreparedRun:
    """A prepared sweep of these settings.

    :param unbuilt: releases that cannot be built, with the reason; :param packages: versions of those beside ``horses``.
    """
    reasons = {spec(release): reason for release, reason in (unbuilt or {}).items()}
    others = tuple(Package(package, version) for package, version in (packages or {}).items())
    described = replace(scenario(*made.modes, name="replay", uses_market=bool(markets)), sha256="5" * 64)
    groups = []
    for group in made.environments:
        built = [
            Environment(s, "python", python, (Package("horses", s.partition("==")[2]), *others), recipe="made up")
            for s in group
            if s not in reasons
        ]
        groups.append([offer(described, environment) for environment in built])
    tables = plan.plan_groups([group for group in groups if len(group) > 1], markets, made)
    run = prepare._build_run(made, name, [described], markets, tables, ("", False))
    problems = tuple(reasons.values())
    run = replace(run, machine=machine, problems=problems, unbuilt=tuple(reasons.items()), perfbench="1.0")
    return PreparedRun(tuple(tables), replace(run, created="2026-01-01T00:00:00+00:00"))


def measure(prepared: PreparedRun, cost: Cost, *, sigma: float = SIGMA, rounds: int | None = None) -> Run:
    """The finished run: every duet with as many pairs as its settings say, drawn from a generator that its cases seed."""
    results: list[Result] = []
    count = rounds if rounds is not None else prepared.run.settings.rounds or 17
    for table in prepared.tables:
        for case in table.cases:
            output = Output("same", 100, 1024, ("same",))
            results.append(Result(f"check 0 {case.id}", case.id, output=output, packages=_packages(case)))
        for before, after in table.duets:
            noise = random.Random(f"{before.id} {after.id} {prepared.run.settings.seed}")
            for number in range(count):
                pair = f"duet {number} {before.id} + {after.id}"
                for side in (before, after):
                    seconds = cost(side, release_of(side)) * math.exp(noise.gauss(0, sigma / math.sqrt(2)))
                    metrics = {"cpu_seconds": seconds, "wall_seconds": seconds}
                    sample = Sample("duet", number, 0, pair, 100, metrics)
                    results.append(Result(pair, side.id, sample=sample, packages=_packages(side)))
    return replace(document.add_results(prepared.run, results), finished=True)


def _packages(case: Case) -> tuple[Package, ...]:
    return (Package("horses", release_of(case)),)


def extend(
    base: Run, planned: SweepExtension, cost: Cost, *, name: str | None = None, sigma: float = SIGMA, **given: object
) -> Run:
    """The base with the planned links, measured under what else is ``given`` to ``prepare_sweep``."""
    made = replace(base.settings, environments=planned.groups)
    given = {"markets": tuple(replace(market, path=f"/{market.name}") for market in base.data), **given}
    prepared = prepare_sweep(made, **given)  # type: ignore[arg-type]
    return measure(extend_run(base, prepared, planned.order, name), cost, sigma=sigma)


def plan_of(base: Run, *order: str) -> SweepExtension:
    """The extension of a sweep to these releases, in their order."""
    from perfbench.sweep import extension

    specs = tuple(map(spec, order))
    added = tuple(s for s in specs if s not in base.settings.environments[0])
    groups = tuple(extension._group_links(base, specs, set(added)))
    return SweepExtension(specs, added, groups, order[-1])
