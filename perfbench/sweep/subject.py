"""Subject of a sweep, its releases or commits, and the comparisons of a bisection among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from perfbench.environments import git, labels, package_index
from perfbench.environments.package_index import ReleaseInterval
from perfbench.errors import StorageProblem, UsageProblem
from perfbench.model import Measurement, Run
from perfbench.stats.signed_rank import ADAPTIVE_LOOKS
from perfbench.stats.verdict_bounds import MIN_EFFECT
from perfbench.sweep.bisection import Bisection, BisectResult, BisectStep, CandidateResult, ComparisonRequest
from perfbench.sweep.steps import SamplingPlan, count_pairs_needed
from perfbench.sweep.trajectory import SweepRelease, build_trajectory
from perfbench.util.suggest import suggest_name

MIN_ROUNDS = 17
"""With the usual scatter of a pair, 1.5 %, an interval of ± 0.8 %."""


@dataclass(frozen=True, slots=True)
class SweepSubject:
    """Releases or commits, oldest first: their display names, and the environment spec of each."""

    subject: str
    names: tuple[str, ...]
    specs: tuple[str, ...]


def resolve_releases(
    package: str, first: str, last: str, every: ReleaseInterval, others: Sequence[str]
) -> SweepSubject:
    """The releases of a package, ``betfairlightweight`` or ``betfairlightweight[speed]``, each with the other requirements.

    Raises UsageProblem, or EnvironmentProblem if the index cannot be asked.
    """
    try:
        requirement = Requirement(package)
    except InvalidRequirement:
        raise UsageProblem(f"{package}: neither the name of a package nor a folder") from None
    if requirement.specifier or requirement.url or requirement.marker:
        raise UsageProblem(f"{package}: write the name only, and the releases as --from and --to")
    names = package_index.select_releases(package_index.list_releases(requirement.name), first, last, every)
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return SweepSubject(
        package, names, tuple(" ".join((f"{requirement.name}{extras}=={name}", *others)) for name in names)
    )


def resolve_commits(checkout: Path, first: str, last: str, others: Sequence[str]) -> SweepSubject:
    """The first-parent commits of a checkout, each with the other requirements. Raises UsageProblem, EnvironmentProblem."""
    hashes = git.list_commits(checkout, first, last)
    specs = tuple(" ".join((git.build_commit_spec(checkout, commit), *others)) for commit in hashes)
    return SweepSubject(str(checkout), tuple(map(git.shorten_commit, hashes)), specs)


def require_anchor(swept: SweepSubject, anchor: str | None) -> None:
    """Raises UsageProblem for an anchor that is not among what is swept."""
    if anchor is not None and anchor not in swept.names:
        raise UsageProblem(f"--anchor {anchor}: not among what is swept{suggest_name(anchor, swept.names)}")


def build_releases(swept: SweepSubject, run: Run) -> tuple[SweepRelease, ...]:
    """The releases in order, with the reason where the environment of one could not be had."""
    reasons = dict(run.unbuilt)
    return tuple(
        SweepRelease(name, spec, reasons.get(spec, "")) for name, spec in zip(swept.names, swept.specs, strict=True)
    )


def read_subject(run: Run) -> SweepSubject:
    """What a saved sweep went through, in its order."""
    specs = run.settings.environments[0]
    subject, names = labels.split_side_names(specs)
    if all("@" in name for name in names):
        subject = f"{Path(names[0].rpartition('@')[0]).name} {subject}".strip()
    return SweepSubject(subject, tuple(map(_shorten_name, names)), specs)


def find_anchor(run: Run) -> str | None:
    """The name of the release with which all others were paired; None if each was paired with the one before.

    Raises StorageProblem for a damaged run whose anchor is none of its releases.
    """
    if not run.settings.anchor:
        return None
    swept = read_subject(run)
    if run.settings.anchor not in swept.specs:
        raise StorageProblem(f"{run.id} is damaged: its anchor is none of its releases", hint="measure it again")
    return swept.names[swept.specs.index(run.settings.anchor)]


def _shorten_name(name: str) -> str:
    """The name of a commit as it is shown; a release as it is."""
    _, at, commit = name.partition("#")[0].rpartition("@")
    return git.shorten_commit(commit) if at else name


def choose_rounds(swept: SweepSubject, modes: int) -> int:
    """Rounds that let a single step stand out of all steps and modes: the next of ``ADAPTIVE_LOOKS``, at least 17."""
    needed = max(MIN_ROUNDS, count_pairs_needed(max(1, (len(swept.names) - 1) * modes)))
    return next((look for look in ADAPTIVE_LOOKS if look >= needed), needed)


def evaluate_candidate(
    request: ComparisonRequest,
    mode: str,
    measurements: Sequence[Measurement],
    specs: dict[str, str],
    plan: SamplingPlan,
    *,
    is_program: bool = False,
) -> CandidateResult:
    """The result of the pairs of a candidate with the first one in this mode.

    :param measurements: those of both, in any order.
    :param specs: name → environment.
    :param is_program: they are of a program.
    """
    pair = [SweepRelease(name, specs[name]) for name in (request.anchor, request.candidate)]
    own = [measurement for measurement in measurements if measurement.case.mode == mode]
    trajectory = build_trajectory(pair, own, plan, lambda _before, _after: "", is_program=is_program)
    if not trajectory.lines:
        return CandidateResult(request.candidate, failure="not measured")
    point = trajectory.lines[0].points[1]
    if point.step is None:
        return CandidateResult(request.candidate, failure=point.problem or "no pairs")
    return CandidateResult(request.candidate, point.step.ratio, point.step.low, point.step.high)


def run_bisection(
    names: Sequence[str],
    compare: Callable[[ComparisonRequest], CandidateResult],
    observe: Callable[[BisectStep, int], None],
) -> BisectResult:
    """Compare until the first bad candidate is found. ``observe`` receives each step and its number, from 1."""
    bisection = Bisection(names, MIN_EFFECT)
    number = 0
    while (request := bisection.request) is not None:
        result = compare(request)
        number += 1
        observe(BisectStep(result, bisection.record(result)), number)
    outcome = bisection.outcome
    assert outcome is not None
    return outcome
