"""Parts of an extended sweep in words: which links each of them measured, and how its conditions differ from those of the first.

The sides of a link ran side by side, under the same conditions, so that its ratio holds whatever the part. Seconds of two parts do
not compare.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perfbench.environments import interpreters
from perfbench.environments.labels import strip_copy_number
from perfbench.model import Environment, Run, SweepPart, describe_processor
from perfbench.runner.extension import list_links
from perfbench.sweep.subject import find_anchor, read_subject
from perfbench.util import formatting

PART_SEPARATOR = ", then "
"""Between the sources of parts that differ."""

MAX_PACKAGES = 4
"""Packages that a line names; more of them are counted."""


def describe_source(run: Run) -> str:
    """Interpreter, machine and perfbench of a sweep; those of several parts in order of time where they differ."""
    texts = (f"{p.machine.python} · {describe_processor(p.machine)} · perfbench {p.perfbench}" for p in run.parts)
    return PART_SEPARATOR.join(dict.fromkeys(texts))


def describe_parts(run: Run) -> str:
    """Which links were measured when; empty for a sweep that was not extended."""
    if not run.earlier:
        return ""
    links = "; ".join(f"{_name_links(run, part)} on {part.created[:10]}" for part in run.parts)
    return (
        f"measured in {len(run.parts)} parts ({links}): the ratios chain link by link, "
        "seconds compare within a part only"
    )


def describe_differences(run: Run) -> Iterator[str]:
    """A line for each part that was measured on another machine, Python or perfbench than the first, or with other packages."""
    first = run.parts[0]
    for part in run.parts[1:]:
        differences = [
            f"{what} ({before} → {after})"
            for what, before, after in (
                ("on another machine", describe_processor(first.machine), describe_processor(part.machine)),
                ("on another system", first.machine.system, part.machine.system),
                ("with another Python", _describe_pythons(run, first), _describe_pythons(run, part)),
                ("by another perfbench", first.perfbench, part.perfbench),
            )
            if before != after
        ]
        if differences:
            yield f"{_name_links(run, part)} measured {', '.join(differences)}: compare ratios, not seconds"
        yield from _describe_rebuilds(run, part)


def _name_links(run: Run, part: SweepPart) -> str:
    """``2.12.0 → 2.14.0`` for neighbours that follow each other, with an anchor its releases."""
    swept = read_subject(run)
    names = dict(zip(swept.specs, swept.names, strict=True))
    anchor = find_anchor(run)
    links = [(names[before], names[after]) for before, after in list_links(run, part.duets)]
    if anchor is not None:
        others = [name for name in swept.names if any(name in link for link in links) and name != anchor]
        return f"{_abridge(others)} with the anchor {anchor}"
    chains: list[list[str]] = []
    for before, after in sorted(links, key=lambda link: swept.names.index(link[1])):
        if chains and chains[-1][-1] == before:
            chains[-1].append(after)
        else:
            chains.append([before, after])
    return ", ".join(_abridge(chain) for chain in chains)


def _abridge(names: Sequence[str]) -> str:
    if len(names) <= 2:
        return " → ".join(names)
    return f"{names[0]} → … → {names[-1]}"


def _list_environments(run: Run, part: SweepPart) -> list[Environment]:
    cases = {case for duet in part.duets for case in duet}
    names = {m.case.environment for m in run.measurements if m.case.id in cases}
    return [environment for environment in run.environments if environment.name in names]


def _describe_pythons(run: Run, part: SweepPart) -> str:
    """The versions of Python of the environments of a part; that of the host where none is known."""
    environments = _list_environments(run, part)
    versions = (interpreters.format_version(e.version, e.build) for e in environments if e.version)
    return ", ".join(sorted(set(versions))) or part.machine.python


def _describe_rebuilds(run: Run, part: SweepPart) -> Iterator[str]:
    """The packages of which a release has another version than when it was measured before."""
    own = _list_environments(run, part)
    names = {environment.name for environment in own}
    for environment in own:
        spec = strip_copy_number(environment.name)
        others = (e for e in run.environments if strip_copy_number(e.name) == spec and e.name not in names)
        before = next(others, None)
        if environment.name == spec or before is None:
            continue
        changed = _compare_packages(before, environment)
        if changed:
            more = f" and {len(changed) - MAX_PACKAGES} more" if len(changed) > MAX_PACKAGES else ""
            yield f"{spec} was built again with other packages: {', '.join(changed[:MAX_PACKAGES])}{more}"


def _compare_packages(before: Environment, after: Environment) -> list[str]:
    """``requests 2.31.0 → 2.32.3``; a package that one side lacks has a dash there."""
    sides = [{package.name: package.version for package in side.packages} for side in (before, after)]
    names = sorted(sides[0].keys() | sides[1].keys())
    lacks = formatting.MISSING_TEXT
    versions = ((name, sides[0].get(name, lacks), sides[1].get(name, lacks)) for name in names)
    return [f"{name} {old} → {new}" for name, old, new in versions if old != new]
