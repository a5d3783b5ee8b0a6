"""Differences between the profiles of two sides, paired within a session or unpaired across saved profiles."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from statistics import median

from perfbench.errors import NotMeasured
from perfbench.model import CPU_SECONDS, Case, Measurement
from perfbench.profiling.diff import DiffBreakdown, diff_profiles
from perfbench.profiling.document import ProfileDocument, format_case, has_pairs, pair_measurements
from perfbench.profiling.model import Profile
from perfbench.profiling.scaling import TimeDifference
from perfbench.stats import rank_sum, signed_rank
from perfbench.stats.pairs import compute_log_ratios, pair_values

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class ProfileDiff:
    """Two profiles of one mode, and the breakdown of their difference."""

    before: Profile
    after: Profile
    breakdown: DiffBreakdown


def diff_sides(document: ProfileDocument) -> tuple[ProfileDiff, ...]:
    """The functions behind the difference of every mode that was profiled and measured in pairs on both sides."""
    diffs = []
    for first, second in pair_measurements(document.run):
        before, after = document.profile(first.case.id), document.profile(second.case.id)
        if before is not None and after is not None and has_pairs(first, second):
            diffs.append(
                ProfileDiff(before, after, diff_profiles(before, after, estimate_paired_difference(first, second)))
            )
    return tuple(diffs)


def estimate_paired_difference(before: Measurement, after: Measurement) -> TimeDifference:
    """The CPU seconds of both sides of pairs with the interval of their difference. Raises NotMeasured without a pair."""
    firsts, _ = pair_values(before.samples, after.samples, CPU_SECONDS.name)
    if not firsts:
        raise NotMeasured(f"no pair of {before.case.id} and {after.case.id} was measured")
    logs = compute_log_ratios(before.samples, after.samples, CPU_SECONDS.name)
    first = median(firsts)
    ratio = math.exp(signed_rank.hodges_lehmann(logs))
    low, high = -math.inf, math.inf
    if len(logs) >= signed_rank.count_minimum_pairs(CONFIDENCE):
        low, high = (first * math.expm1(end) for end in signed_rank.compute_interval(logs, CONFIDENCE))
    return TimeDifference(first, first * ratio, low, high)


def estimate_unpaired_difference(before: Profile, after: Profile) -> TimeDifference:
    """The difference of two saved profiles, whose passes were not measured at the same time."""
    ratio, low, high = rank_sum.compute_shift_interval(before.unprofiled, after.unprofiled, CONFIDENCE)
    first = before.seconds
    return TimeDifference(first, first * ratio, first * (low - 1), first * (high - 1), paired=False)


def diff_documents(before: ProfileDocument, after: ProfileDocument) -> tuple[tuple[ProfileDiff, ...], tuple[str, ...]]:
    """Diffs of the modes that two saved profiles share, and a line for every profile that only one of them has.

    Raises NotMeasured where nothing can be compared, or the data is not the same.
    """
    markets = [{market.name: market.sha256 for market in document.run.data} for document in (before, after)]
    diffs = []
    for first, second in itertools.product(before.profiles, after.profiles):
        if _without_environment(first.case) != _without_environment(second.case):
            continue
        name = first.case.data
        if markets[0].get(name) != markets[1].get(name) or first.work != second.work:
            raise NotMeasured(
                f"the profiles are not of the same data: {name} differs in content or in its amount of work"
            )
        diffs.append(
            ProfileDiff(first, second, diff_profiles(first, second, estimate_unpaired_difference(first, second)))
        )
    first_names, second_names = (
        [format_case(profile.case) for profile in document.profiles] for document in (before, after)
    )
    if not diffs:
        theirs = [", ".join(sorted(set(names))) for names in (first_names, second_names)]
        raise NotMeasured(f"the profiles are not of the same data and mode: {theirs[0]} before, {theirs[1]} after")
    alone = [f"only {before.run.id} has a profile of {name}" for name in first_names if name not in second_names]
    alone += [f"only {after.run.id} has a profile of {name}" for name in second_names if name not in first_names]
    return tuple(diffs), tuple(alone)


def _without_environment(case: Case) -> Case:
    return replace(case, environment="")
