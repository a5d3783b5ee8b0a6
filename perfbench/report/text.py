"""Sentences about runs: environments, machine, row labels, instruction blame, known output changes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from perfbench.environments import interpreters
from perfbench.environments.labels import split_side_names
from perfbench.model import (
    Case,
    CaseBlame,
    Change,
    Environment,
    Machine,
    Measurement,
    Run,
    describe_processor,
)
from perfbench.report.model import ReportTable, Row, label_metric
from perfbench.stats import pairs
from perfbench.util import formatting


def describe_changes(changes: Iterable[Change]) -> str:
    """The changes in one line, each with its release and its reason, those of one release together."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for change in changes:
        grouped.setdefault((change.package, change.release), []).append(change.reason)
    return "; ".join(
        f"{package} " + ", ".join([first, *(reason.removeprefix(f"{release} ") for reason in others)])
        for (package, release), (first, *others) in grouped.items()
    )


def describe_known_changes(group: Sequence[Measurement], run: Run) -> str:
    """The announced changes that explain different outputs of this table, in a line."""
    names = {name for m in group for difference in m.differences for name in difference.changes}
    scenario = run.scenario(group[0].case.scenario) if group else None
    return describe_changes(change for change in (scenario.changes if scenario else ()) if change.name in names)


MIN_BLAME_TEXT = "0.1 %"

NAMED_PACKAGES = ("betfairlightweight", "flumine", "orjson", "ciso8601")


def describe_blame(blame: CaseBlame, unit: str) -> Iterator[str]:
    """The functions behind a regression, a line each: ``blame: +5.1 % of all instructions by …``."""
    if blame.problem:
        yield f"blame: {blame.problem}"
    elif not blame.culprits:
        yield f"blame: no function changed by {MIN_BLAME_TEXT} of all instructions: the regression is not in Python code"
    for culprit in blame.culprits:
        executed = (
            f"{formatting.format_rate(culprit.before)} → {formatting.format_rate(culprit.after)} instructions {unit}"
        )
        called = (
            ""
            if math.isclose(culprit.calls_before, culprit.calls_after, rel_tol=0.002)
            else f", called {culprit.calls_before:.3g} → {culprit.calls_after:.3g} times"
        )
        yield f"blame: {formatting.format_share(1 + culprit.share)} by {culprit.function}: {executed}{called}"


def format_row_label(case: Case, before: Case | None, sides: Sequence[str], chain: bool) -> str:
    """The label of a row: its mode, and among more than two environments those that it compares."""
    if before is None or not sides:
        return case.mode
    names = dict(zip(sides, split_side_names(sides)[1], strict=True))
    mode = case.mode if case.mode == before.mode else f"{before.mode} → {case.mode}"
    if len(sides) == 2:
        return mode
    link = f"{names[before.environment]} → {names[case.environment]}" if chain else names[case.environment]
    return f"{mode} {link}"


def format_row_name(table: ReportTable, row: Row) -> str:
    """The name of a case in a gate: ``replay lightweight PRO-1.170258213:4000``."""
    return " ".join(part for part in (table.scenario, row.mode, table.data, *table.parameter_texts) if part)


def format_other_side(before: Case, after: Case) -> str:
    """The name that distinguishes the case before from the case after: its mode, or its environment."""
    return before.mode if before.mode != after.mode else before.environment


def describe_conditions(group: Sequence[Measurement], metric: str, rounds: int, run: Run) -> str:
    """Packages, interpreter, machine, rounds and metric of a table in one line."""
    environments = list_environments(group, run)
    machine = run.machine
    versions = [_format_python(environment) for environment in environments if environment.version]
    parts = [", ".join(_format_packages(group)), " → ".join(dict.fromkeys(versions)) or machine.python]
    recipes = list(dict.fromkeys(environment.recipe for environment in environments if environment.recipe))
    if len(recipes) == 1:
        parts.append(f"installed by recipe “{recipes[0]}”")
    for environment in environments:
        for source in environment.sources:
            state = (
                f"commit {source.commit[:10]}" if source.commit else "no commit"
            ) + " with local changes" * source.dirty
            parts.append(f"{environment.name}: {state}")
    parts.append(_describe_machines(run))
    method = [formatting.format_plural(rounds, "round") if rounds else "", _describe_pairing(group, metric, run)]
    parts.append(", ".join(filter(None, [*method, _describe_seconds(group, metric, run)])))
    return " · ".join(part for part in parts if part)


def _describe_seconds(group: Sequence[Measurement], metric: str, run: Run) -> str:
    """``CPU seconds``; of a program whose simulations are timed ``CPU seconds of its simulations``."""
    is_program = run.is_program(group[0].case)
    label = label_metric(metric, is_program=is_program)
    simulates = any("simulations" in sample.numbers for measurement in group for sample in measurement.samples)
    return f"{label} of its simulations" if is_program and simulates else label


def _format_python(environment: Environment) -> str:
    """``CPython 3.12.1``, ``CPython 3.14.0t`` without the GIL, or ``PyPy 3.10.14``."""
    label = interpreters.format_version(environment.version, environment.build)
    return label if environment.build == interpreters.PYPY else f"CPython {label}"


def _describe_machines(run: Run) -> str:
    """The machine with its load at the start, or those of the parts of a sweep; the names of several that measured a corpus."""
    if run.corpus is not None and run.corpus.machines:
        return ", ".join(machine.name for machine in run.corpus.machines)
    return ", then ".join(dict.fromkeys(_describe_machine(part.machine) for part in run.parts))


def _describe_machine(machine: Machine) -> str:
    gib = machine.memory_bytes / 2**30
    return f"{describe_processor(machine)}, {gib:.0f} GiB, {machine.system}, load {machine.load:.2f}"


def _describe_pairing(group: Sequence[Measurement], metric: str, run: Run) -> str:
    if not run.paired:
        return "unpaired"
    if len(group) == 1:
        return "solo passes"
    every = [sample for measurement in group for sample in measurement.samples]
    shared = pairs.is_interleaved(every, metric, is_program=run.is_program(group[0].case))
    return "pairs interleaved on one core" if run.machine.pinned and shared else "sequential pairs"


def list_environments(group: Sequence[Measurement], run: Run) -> list[Environment]:
    """The environments of these cases, in their order."""
    names = list(dict.fromkeys(m.case.environment for m in group))
    return [environment for name in names for environment in run.environments if environment.name == name]


def _format_packages(group: Sequence[Measurement]) -> Iterable[str]:
    """The imported packages, with the version of each side where they differ."""
    for name in NAMED_PACKAGES:
        versions = dict.fromkeys(p.version for m in group for p in m.packages if p.name == name)
        if versions:
            yield f"{name} {' → '.join(versions)}"


def describe_installation_differences(group: Sequence[Measurement], run: Run) -> Iterable[str]:
    """How the installations of the sides of a table differ, beside what is compared, and what to do about it."""
    environments = list_environments(group, run)
    recipes = {environment.name: environment.recipe for environment in environments if environment.recipe}
    if len(set(recipes.values())) > 1:
        texts = ", ".join(f"{name}: {recipe}" for name, recipe in recipes.items())
        yield f"the sides were installed by different recipes ({texts}): their dependencies were chosen in different ways"
    as_found = [environment for environment in environments if not environment.recipe]
    resolved = [environment for environment in environments if environment.recipe]
    if as_found and resolved:
        yield from _describe_other_dependencies(resolved[0], as_found[0], group)


def _describe_other_dependencies(
    resolved: Environment, as_found: Environment, group: Sequence[Measurement]
) -> Iterable[str]:
    """The imported packages, apart from those that are compared, of which the environment as it was found has another version."""
    compared = {name for name, _ in resolved.named_packages}
    versions = [
        {p.name: p.version for m in group if m.case.environment == environment.name for p in m.packages}
        for environment in (resolved, as_found)
    ]
    shared = sorted(versions[0].keys() & versions[1].keys() - compared)
    others = [f"{n} {versions[0][n]} → {versions[1][n]}" for n in shared if versions[0][n] != versions[1][n]]
    if others:
        installed = {package.name: package.version for package in as_found.packages}
        specs = " ".join(f"{name}=={installed[name]}" for name, _ in resolved.named_packages if name in installed)
        remedy = (
            f"; to compare {' and '.join(sorted(compared))} alone, write {specs} instead of {as_found.name}"
            if specs
            else ""
        )
        yield f"{as_found.name} also has other versions of dependencies: {', '.join(others)}{remedy}"
