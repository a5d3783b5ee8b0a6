"""Sentences about runs: environments, machine, row labels, instruction blame, known output changes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from perfbench.environments.labels import split_side_names
from perfbench.model import Case, CaseBlame, Change, Environment, Measurement, Run, describe_processor
from perfbench.util import formatting


def describe_changes(changes: Iterable[Change]) -> str:
    """The changes as the line below a table: each with its release and its reason, those of one release together."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for change in changes:
        grouped.setdefault((change.package, change.release), []).append(change.reason)
    return "; ".join(
        f"{package} " + ", ".join([first, *(reason.removeprefix(f"{release} ") for reason in others)])
        for (package, release), (first, *others) in grouped.items()
    )


MIN_BLAME_TEXT = "0.1 %"

NAMED_PACKAGES = ("betfairlightweight", "flumine", "orjson", "ciso8601")


def describe_blame(found: CaseBlame, unit: str) -> Iterator[str]:
    """Which functions a regression comes from, a line each: ``blame: +5.1 % of all instructions by …``."""
    if found.problem:
        yield f"blame: {found.problem}"
    elif not found.culprits:
        yield f"blame: no function executes more or less by {MIN_BLAME_TEXT} of all instructions: it is not in Python code"
    for one in found.culprits:
        executed = f"{formatting.format_rate(one.before)} → {formatting.format_rate(one.after)} instructions {unit}"
        called = (
            ""
            if math.isclose(one.calls_before, one.calls_after, rel_tol=0.002)
            else f", called {one.calls_before:.3g} → {one.calls_after:.3g} times"
        )
        yield f"blame: {formatting.format_share(1 + one.share)} by {one.function}: {executed}{called}"


def format_row_label(case: Case, before: Case | None, sides: Sequence[str], chain: bool) -> str:
    """What a row is called: its mode, and where there are more than two environments, which of them it is about."""
    if before is None or not sides:
        return case.mode
    names = dict(zip(sides, split_side_names(sides)[1], strict=True))
    mode = case.mode if case.mode == before.mode else f"{before.mode} → {case.mode}"
    if len(sides) == 2:
        return mode
    link = f"{names[before.environment]} → {names[case.environment]}" if chain else names[case.environment]
    return f"{mode} {link}"


def format_other_side(before: Case, after: Case) -> str:
    """The case before as it is told apart from the case after: by its mode, or by its environment."""
    return before.mode if before.mode != after.mode else before.environment


def describe_conditions(group: Sequence[Measurement], metric: str, rounds: int, run: Run) -> str:
    """What was measured, where and how, in one line."""
    places = list_environments(group, run)
    machine = run.machine
    versions = [f"CPython {place.version}" for place in places if place.version]
    parts = [", ".join(_format_packages(group)), " → ".join(dict.fromkeys(versions)) or machine.python]
    recipes = list(dict.fromkeys(place.recipe for place in places if place.recipe))
    if len(recipes) == 1:
        parts.append(f"installed by recipe “{recipes[0]}”")
    for place in places:
        for source in place.sources:
            state = (f"commit {source.commit[:10]}" if source.commit else "no commit") + " with changes" * source.dirty
            parts.append(f"{place.name}: {state}")
    gib = machine.memory_bytes / 2**30
    parts.append(f"{describe_processor(machine)}, {gib:.0f} GiB, {machine.system}, load {machine.load:.2f}")
    way = "pairs by turns on one core" if machine.pinned and metric == "cpu_seconds" else "pairs in turn"
    kind = metric.replace("_", " ").replace("cpu", "CPU")
    parts.append(f"{formatting.format_plural(rounds, 'round')}, {way if run.paired else 'unpaired'}, {kind}")
    return " · ".join(part for part in parts if part)


def list_environments(group: Sequence[Measurement], run: Run) -> list[Environment]:
    """The environments in which these cases were measured, in their order."""
    names = list(dict.fromkeys(m.case.environment for m in group))
    return [place for name in names for place in run.environments if place.name == name]


def _format_packages(group: Sequence[Measurement]) -> Iterable[str]:
    """The packages that were imported, with the version of each side where they are not the same."""
    for name in NAMED_PACKAGES:
        versions = dict.fromkeys(p.version for m in group for p in m.packages if p.name == name)
        if versions:
            yield f"{name} {' → '.join(versions)}"


def describe_installation_differences(group: Sequence[Measurement], run: Run) -> Iterable[str]:
    """What makes the sides of a table unlike in more than what is compared: how they were installed, which patch they got."""
    places = list_environments(group, run)
    recipes = {place.name: place.recipe for place in places}
    if len(set(recipes.values())) > 1:
        told = ", ".join(f"{name}: {recipe or 'as it was found'}" for name, recipe in recipes.items())
        yield f"the sides were not installed by the same recipe ({told})"
