"""What the sides of a table are called, and the line below it that says what was measured. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence

from perfbench import formatting
from perfbench.model import Case, CaseBlame, Environment, Machine, Measurement, Run

SMALLEST_BLAME = "0.1 %"

SHOWN_PACKAGES = ("betfairlightweight", "flumine", "orjson", "ciso8601")


def side_names(sides: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """What the names of environments have in common, and what remains of each.

    ``betfairlightweight==2.11.2`` and ``betfairlightweight==2.12.0`` are ``betfairlightweight``, ``2.11.2`` and ``2.12.0``.
    """
    parts = [re.findall(r"\S+(?: \(\d+\))?", side) for side in sides]
    common = [part for part in parts[0] if all(part in other for other in parts)]
    own = [[part for part in side if part not in common] for side in parts]
    if not all(own):
        return "", tuple(sides)
    names = {part.partition("==")[0] for side in own for part in side}
    if len(names) == 1 and all(len(side) == 1 and "==" in side[0] for side in own):
        return " ".join([*common, *names]), tuple(side[0].partition("==")[2] for side in own)
    return " ".join(common), tuple(" ".join(side) for side in own)


def blame(found: CaseBlame, unit: str) -> Iterator[str]:
    """Which functions a regression comes from, a line each: ``blame: +5.1 % of all instructions by …``."""
    if found.problem:
        yield f"blame: {found.problem}"
    elif not found.culprits:
        yield f"blame: no function executes more or less by {SMALLEST_BLAME} of all instructions: it is not in Python code"
    for one in found.culprits:
        executed = f"{formatting.rate(one.before)} → {formatting.rate(one.after)} instructions {unit}"
        called = (
            ""
            if math.isclose(one.calls_before, one.calls_after, rel_tol=0.002)
            else f", called {one.calls_before:.3g} → {one.calls_after:.3g} times"
        )
        yield f"blame: {formatting.share(1 + one.share)} by {one.function}: {executed}{called}"


def row_label(case: Case, before: Case | None, sides: Sequence[str], chain: bool) -> str:
    """What a row is called: its mode, and where there are more than two environments, which of them it is about."""
    if before is None or not sides:
        return case.mode
    names = dict(zip(sides, side_names(sides)[1], strict=True))
    mode = case.mode if case.mode == before.mode else f"{before.mode} → {case.mode}"
    if len(sides) == 2:
        return mode
    link = f"{names[before.environment]} → {names[case.environment]}" if chain else names[case.environment]
    return f"{mode} {link}"


def other_side(before: Case, after: Case) -> str:
    """The case before as it is told apart from the case after: by its mode, or by its environment."""
    return before.mode if before.mode != after.mode else before.environment


def about(group: Sequence[Measurement], metric: str, rounds: int, run: Run) -> str:
    """What was measured, where and how, in one line."""
    places = environments(group, run)
    machine = run.machine
    versions = [f"CPython {place.version}" for place in places if place.version]
    parts = [", ".join(_packages(group)), " → ".join(dict.fromkeys(versions)) or machine.python]
    recipes = list(dict.fromkeys(place.recipe for place in places if place.recipe))
    if len(recipes) == 1:
        parts.append(f"installed by recipe “{recipes[0]}”")
    for place in places:
        for source in place.sources:
            state = (f"commit {source.commit[:10]}" if source.commit else "no commit") + " with changes" * source.dirty
            parts.append(f"{place.name}: {state}")
    gib = machine.memory_bytes / 2**30
    parts.append(f"{processor(machine)}, {gib:.0f} GiB, {machine.system}, load {machine.load:.2f}")
    way = "pairs by turns on one core" if machine.pinned and metric == "cpu_seconds" else "pairs in turn"
    kind = metric.replace("_", " ").replace("cpu", "CPU")
    parts.append(f"{formatting.plural(rounds, 'round')}, {way if run.paired else 'unpaired'}, {kind}")
    return " · ".join(part for part in parts if part)


def processor(machine: Machine) -> str:
    """``AMD EPYC, 2 cores``."""
    return f"{machine.cpu}, {formatting.plural(machine.cores, 'core')}"


def environments(group: Sequence[Measurement], run: Run) -> list[Environment]:
    """The environments in which these cases were measured, in their order."""
    names = list(dict.fromkeys(m.case.environment for m in group))
    return [place for name in names for place in run.environments if place.name == name]


def _packages(group: Sequence[Measurement]) -> Iterable[str]:
    """The packages that were imported, with the version of each side where they are not the same."""
    for name in SHOWN_PACKAGES:
        versions = dict.fromkeys(p.version for m in group for p in m.packages if p.name == name)
        if versions:
            yield f"{name} {' → '.join(versions)}"


def unlike_installations(group: Sequence[Measurement], run: Run) -> Iterable[str]:
    """What makes the sides of a table unlike in more than what is compared: how they were installed, which patch they got."""
    places = environments(group, run)
    recipes = {place.name: place.recipe for place in places}
    if len(set(recipes.values())) > 1:
        told = ", ".join(f"{name}: {recipe or 'as it was found'}" for name, recipe in recipes.items())
        yield f"the sides were not installed by the same recipe ({told})"
