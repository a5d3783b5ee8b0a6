"""What a sweep goes through, and a search for the first bad one among it. Measuring is the caller's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from perfbench import commits, releases, wording
from perfbench.bisecting import Answer, Asked, Bisection, Judged, Outcome
from perfbench.comparing import EPS
from perfbench.course import Release, course
from perfbench.errors import UsageProblem
from perfbench.model import Measurement, Run
from perfbench.naming import suggestion
from perfbench.releases import Every
from perfbench.statistics import LOOKS
from perfbench.stepping import Plan, pairs_needed

LEAST_ROUNDS = 17
"""With the usual scatter of a pair, 1.5 %, an interval of ± 0.8 %."""


@dataclass(frozen=True, slots=True)
class Range:
    """What is swept, oldest first: the names as they are shown, and the environment spec of each."""

    subject: str
    names: tuple[str, ...]
    specs: tuple[str, ...]


def releases_of(package: str, first: str, last: str, every: Every, others: Sequence[str]) -> Range:
    """The releases of a package, ``betfairlightweight`` or ``betfairlightweight[speed]``, each with the other requirements.

    Raises UsageProblem, or EnvironmentProblem if the index cannot be asked.
    """
    try:
        requirement = Requirement(package)
    except InvalidRequirement:
        raise UsageProblem(f"{package}: neither the name of a package nor a folder") from None
    if requirement.specifier or requirement.url or requirement.marker:
        raise UsageProblem(f"{package}: write the name only, and the releases as --from and --to")
    names = releases.between(releases.available(requirement.name), first, last, every)
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return Range(package, names, tuple(" ".join((f"{requirement.name}{extras}=={name}", *others)) for name in names))


def commits_of(checkout: Path, first: str, last: str, others: Sequence[str]) -> Range:
    """The first-parent commits of a checkout, each with the other requirements. Raises UsageProblem, EnvironmentProblem."""
    hashes = commits.between(checkout, first, last)
    specs = tuple(" ".join((commits.spec_of(checkout, commit), *others)) for commit in hashes)
    return Range(str(checkout), tuple(map(commits.short, hashes)), specs)


def demand_anchor(swept: Range, anchor: str | None) -> None:
    """Raises UsageProblem for an anchor that is not among what is swept."""
    if anchor is not None and anchor not in swept.names:
        raise UsageProblem(f"--anchor {anchor}: not among what is swept{suggestion(anchor, swept.names)}")


def stops(swept: Range, run: Run) -> tuple[Release, ...]:
    """The releases in order, with the reason where the environment of one could not be had."""
    reasons = dict(run.unbuilt)
    return tuple(
        Release(name, spec, reasons.get(spec, "")) for name, spec in zip(swept.names, swept.specs, strict=True)
    )


def range_of(run: Run) -> Range:
    """What a saved sweep went through, in its order."""
    specs = run.settings.environments[0]
    subject, names = wording.side_names(specs)
    if all("@" in name for name in names):
        subject = f"{Path(names[0].rpartition('@')[0]).name} {subject}".strip()
    return Range(subject, tuple(map(_short_commit, names)), specs)


def anchor_of(run: Run) -> str | None:
    """The name of the release with which all others were paired; None if each was paired with the one before."""
    if not run.settings.anchor:
        return None
    swept = range_of(run)
    return swept.names[swept.specs.index(run.settings.anchor)]


def _short_commit(name: str) -> str:
    """The name of a commit as it is shown; a release as it is."""
    _, at, commit = name.rpartition("@")
    return commits.short(commit) if at else name


def rounds_for(swept: Range, modes: int) -> int:
    """Rounds that let a single step stand out of all steps and modes: the next of ``statistics.LOOKS``, 17 at least."""
    needed = max(LEAST_ROUNDS, pairs_needed(max(1, (len(swept.names) - 1) * modes)))
    return next((look for look in LOOKS if look >= needed), needed)


def answer(asked: Asked, mode: str, measurements: Sequence[Measurement], specs: dict[str, str], plan: Plan) -> Answer:
    """What the pairs of a candidate with the first one say in this mode.

    :param measurements: those of both, in any order.
    :param specs: name → environment.
    """
    pair = [Release(name, specs[name]) for name in (asked.anchor, asked.candidate)]
    own = [measurement for measurement in measurements if measurement.case.mode == mode]
    found = course(pair, own, plan, lambda _before, _after: "")
    if not found.lines:
        return Answer(asked.candidate, failure="not measured")
    stop = found.lines[0].stops[1]
    if stop.step is None:
        return Answer(asked.candidate, failure=stop.problem or "no pairs")
    return Answer(asked.candidate, stop.step.ratio, stop.step.low, stop.step.high)


def search(names: Sequence[str], compare: Callable[[Asked], Answer], observe: Callable[[Judged, int], None]) -> Outcome:
    """The first bad one among these: compares until it is found. ``observe`` hears each answer and its number, from 1."""
    bisection = Bisection(names, EPS)
    number = 0
    while (asked := bisection.asked) is not None:
        found = compare(asked)
        number += 1
        observe(Judged(found, bisection.answer(found)), number)
    outcome = bisection.outcome
    assert outcome is not None
    return outcome
