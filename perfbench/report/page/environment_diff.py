"""Environments of a run as a difference: package by package, Python build, sources, machine."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from perfbench.environments import interpreters
from perfbench.model import Environment, Machine, Run, describe_processor
from perfbench.report.page.blocks import Block, Cell, Facts, Fold, Head, Section, Table, TableRow
from perfbench.util import formatting

MAX_SIDES = 4
"""Environments that are shown side by side; more of them, as in a sweep, each with what differs from the one before."""

ANCHOR = "environments"
MISSING = formatting.MISSING_TEXT


@dataclass(frozen=True, slots=True)
class _Side:
    """An environment by its name: its facts and its packages, of all environments that its modes had."""

    name: str
    facts: tuple[tuple[str, str], ...]
    packages: tuple[tuple[str, str], ...]


def build_environment_section(run: Run) -> Section:
    """The section about environments, sources, machine and run."""
    sides = _collect_sides(run)
    blocks: list[Block] = []
    if len(sides) > MAX_SIDES:
        blocks.append(Fold(formatting.format_plural(len(sides), "environment"), (_build_steps(sides),)))
    elif sides:
        blocks += list(_build_comparison(sides))
    blocks.append(Facts(tuple(describe_machine(run.machine)), wide=True))
    blocks += [
        Fold(f"machine {machine.name}", (Facts(tuple(describe_machine(machine.machine)), wide=True),))
        for machine in (run.corpus.machines if run.corpus is not None else ())
    ]
    blocks += [
        Fold(
            f"machine of {part.run}, measured {part.created[:10]}",
            (Facts(tuple(describe_machine(part.machine)), wide=True),),
        )
        for part in run.earlier
    ]
    blocks.append(Facts(tuple(_describe_run(run)), wide=True))
    lead = (
        "What both sides had installed; rows that differ come first. Only the differences can explain a change."
        if len(sides) > 1
        else "What was installed, and where it was measured."
    )
    return Section(ANCHOR, "Environments", tuple(blocks), lead)


def describe_machine(machine: Machine) -> Iterator[tuple[str, str]]:
    """Names and values of a machine."""
    yield "processor", describe_processor(machine)
    yield "memory", f"{machine.memory_bytes / 2**30:.0f} GiB"
    yield "system", machine.system
    yield "Python of perfbench", machine.python
    yield "load at the start", f"{machine.load:.2f}"
    yield "pinned to a core", "yes" if machine.pinned else "no"


def _describe_run(run: Run) -> Iterator[tuple[str, str]]:
    yield "run", run.id
    yield "created", run.created
    yield "perfbench", run.perfbench
    if run.commit:
        yield "commit of the working folder", run.commit + (" with local changes" if run.dirty else "")
    for market in run.data if run.corpus is None else ():
        size = formatting.format_bytes(market.size_bytes)
        yield (
            f"market {market.name}",
            f"{formatting.format_count(market.updates)} updates, {size}, SHA-256 {market.sha256}",
        )
    for scenario in run.scenarios:
        if scenario.sha256:
            yield f"scenario {scenario.name}", f"SHA-256 {scenario.sha256}"


def _collect_sides(run: Run) -> tuple[_Side, ...]:
    """The environments by name, in the order of the run; those that only imported packages tell of an old run."""
    names = dict.fromkeys(environment.name for environment in run.environments)
    sides = [_build_side(name, [e for e in run.environments if e.name == name]) for name in names]
    if sides:
        return tuple(sides)
    measured = dict.fromkeys(measurement.case.environment for measurement in run.measurements)
    return tuple(
        _Side(
            name,
            (),
            tuple(
                sorted(
                    {(p.name, p.version) for m in run.measurements if m.case.environment == name for p in m.packages}
                )
            ),
        )
        for name in measured
    )


def _build_side(name: str, environments: Sequence[Environment]) -> _Side:
    versions: dict[str, list[str]] = {}
    for environment in environments:
        for package in environment.packages:
            own = versions.setdefault(canonicalize_name(package.name), [])
            if package.version not in own:
                own.append(package.version)
    facts = tuple(_describe_environment(environments[0]))
    return _Side(name, facts, tuple((package, ", ".join(own)) for package, own in sorted(versions.items())))


def _describe_environment(environment: Environment) -> Iterator[tuple[str, str]]:
    if environment.version:
        label = interpreters.format_version(environment.version, environment.build)
        yield "Python", label if environment.build == interpreters.PYPY else f"CPython {label}"
    yield "installed by", environment.recipe or "as it was found"
    if environment.variables:
        yield "variables", " ".join(f"{name}={value}" for name, value in environment.variables)
    if environment.flags:
        yield "flags", " ".join(environment.flags)
    for source in environment.sources:
        commit = source.commit or "no commit"
        yield "source", f"{source.path}, {commit}" + (" with local changes" if source.dirty else "")


def _build_comparison(sides: Sequence[_Side]) -> Iterator[Block]:
    facts = list(dict.fromkeys(name for side in sides for name, _ in side.facts))
    packages = sorted({name for side in sides for name, _ in side.packages})
    rows = [(name, _look_up(name, [side.facts for side in sides])) for name in facts]
    rows += [(name, _look_up(name, [side.packages for side in sides])) for name in packages]
    heads = (Head("what", left=True), *(Head(side.name, left=True) for side in sides))
    differing = [row for row in rows if len(set(row[1])) > 1]
    same = [row for row in rows if len(set(row[1])) == 1]
    several = len(sides) > 1
    if several and differing:
        yield Table("Differences of the environments", heads, tuple(_build_row(row, differs=True) for row in differing))
    if same:
        table = Table(
            "The same in all environments" if several else "Environment",
            heads if not several else (heads[0], Head("all environments", left=True)),
            tuple(_build_row((name, values[:1]), differs=False) for name, values in same),
        )
        title = f"{formatting.format_plural(len(same), 'line')} that are the same" if several else "packages and Python"
        yield Fold(title, (table,))


def _look_up(name: str, sides: Sequence[Sequence[tuple[str, str]]]) -> tuple[str, ...]:
    return tuple(", ".join(value for key, value in side if key == name) or MISSING for side in sides)


def _build_row(row: tuple[str, Sequence[str]], *, differs: bool) -> TableRow:
    name, values = row
    first = values[0]
    cells = (Cell(value, tone="inconclusive" if differs and value != first else "") for value in values)
    return TableRow((Cell(name), *cells))


def _build_steps(sides: Sequence[_Side]) -> Table:
    """Each environment with what is other than in the one before."""
    first = TableRow((Cell(sides[0].name), Cell("the first")))
    rows = [
        TableRow((Cell(after.name), Cell(", ".join(_list_changes(before, after)) or "nothing else")))
        for before, after in itertools.pairwise(sides)
    ]
    heads = (Head("environment", left=True), Head("other than in the one before", left=True))
    return Table("Environments, each with what changed", heads, (first, *rows))


def _list_changes(before: _Side, after: _Side) -> Iterator[str]:
    old, new = dict((*before.facts, *before.packages)), dict((*after.facts, *after.packages))
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield f"{name} {old.get(name, MISSING)} → {new.get(name, MISSING)}"
